"""What articles are about: each topic has its own nouns, verbs and sentences."""

from __future__ import annotations

from dataclasses import dataclass

from rao_gym.tasks.long_context.prose.names import words
from rao_gym.tasks.long_context.prose.vocabulary import phrases


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic.

    Attributes:
        titles: Titles of articles, with slots for a place or a person.
        nouns: What the topic's sentences are about.
        verbs: What people did to such things, in the past tense.
        sentences: Sentences for this topic alone.
    """

    titles: tuple[str, ...]
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    sentences: tuple[str, ...]


TOPICS = (
    Topic(
        titles=("The waterworks of {T}", "How {T} was drained", "The long canal at {T}"),
        nouns=words(
            """aqueduct basin canal cistern conduit culvert dam dike ditch drain dredger embankment filter floodgate
            fountain gauge gutter inlet leat lock millrace outfall overflow pipe piston pump reservoir sewer sluice
            spillway stopcock tank towpath trench valve wall waterwheel weir well winch"""
        ),
        verbs=words(
            "deepened dredged drained emptied extended flooded inspected measured mended opened plugged sealed"
        ),
        sentences=(
            "Water reached {T} through {count} miles of {compound} pipe, and much of it leaked {adv}.",
            "{Season} the level fell so low that the {noun} lay open, {adj} and smelling of weed.",
            "The {noun} silted up {span}, until {P} had it {adv} cleared.",
            "Boats carrying {goods} paid {count} pence at the {noun}.",
            "A burst {noun} flooded {count} cellars in {T}.",
            "The flow was so {adj} that a cork took {count} minutes to drift past the {noun}.",
        ),
    ),
    Topic(
        titles=("The {T} observatory", "{P} and the measurement of the sky", "Counting stars at {T}"),
        nouns=words(
            """almanac armillary astrolabe barometer binoculars cabinet calendar case chronometer comet compass
            compasses crank dial dome easel eyepiece hourglass instrument lens logbook magnet mast meteor micrometer
            mirror mount notebook pedestal pendulum planet platform prism protractor quadrant ruler sextant slide
            stand sundial table telescope tripod"""
        ),
        verbs=words(
            "adjusted aligned calculated calibrated charted checked corrected cleaned estimated observed recorded"
        ),
        sentences=(
            "On {count} clear nights in a row {P} watched the {noun} and {adv} noted the hour.",
            "The error was no larger than the width of a {noun}, but it was {adj}.",
            "{P} argued that the {noun} must be {count} times as far away as {P} had supposed.",
            "Clouds over {T} hid the {noun} {span}.",
            "The {compound} telescope was so {adj} that two {trades} had to turn it.",
            "A copy of the {noun} was sent to {O}, where it was {adv} doubted.",
        ),
    ),
    Topic(
        titles=("A history of the {T} market", "The merchants of {T}", "Trade between {T} and {O}"),
        nouns=words(
            """abacus bale barrel basket bench booth box caravan cargo cart cashbox cellar charter chest coin
            contract counter crate cupboard flask invoice jar key ladder lease ledger lock measure padlock parcel
            purse receipt sack seal shelf shop sign stall stamp storehouse table tent tray trunk wagon warehouse
            weighbridge"""
        ),
        verbs=words(
            "audited bought collected counted delivered exported financed imported insured pledged priced sold"
        ),
        sentences=(
            "A sack of {goods} sold for {count} crowns in {T} and twice that in {O}.",
            "The {noun} was settled in {goods}, since coin was {adj} that year.",
            "{P} and {P} shared the {noun}, {adv} at first and then not at all.",
            "Merchants from {O} brought {goods} and {goods} and took away {goods}.",
            "The {noun} rose {season}, fell {season}, and ruined {count} families in between.",
            "Dishonest scales were {adv} burned in front of the {noun}.",
        ),
    ),
    Topic(
        titles=("The woods above {T}", "{P}, forester of {T}", "The clearing of the {T} forest"),
        nouns=words(
            """acorn axe bark bough branch bush charcoal clearing copse deadwood fern firebreak forest fungus glade
            grove hedge hollow ivy kiln leaf lichen log lumber mushroom nursery pasture path root sap sapling
            sapwood sawpit seed seedling shrub stump thicket thorn timber track tree trunk woodland woodpile"""
        ),
        verbs=words(
            "burned chopped cleared cut dug felled fenced gathered hauled marked planted pruned thinned trimmed"
        ),
        sentences=(
            "The oldest {noun} in the wood is {count} paces round and {adv} hollow.",
            "Nothing grew under the {noun} but {adj} moss.",
            "After the storm of {year}, {count} trees lay across the {noun}.",
            "Charcoal burners lived beside the {noun} {span}.",
            "{P} knew every {noun} in the wood and {adv} gave each a name.",
            "Seed from {O} was sown {season}, and within {count} years it made a {adj} {noun}.",
        ),
    ),
    Topic(
        titles=("The school at {T}", "{P} as a teacher", "Learning to read in {T}"),
        nouns=words(
            """alphabet atlas bell bench blackboard book cap certificate chair chalk chapter classroom clock coat
            copybook cupboard desk dictionary door dormitory globe gong inkwell ladder lamp library map peg pencil
            playground poem register satchel shelf slate stool stove syllabus textbook timetable window"""
        ),
        verbs=words(
            "abolished adopted borrowed copied corrected examined explained graded introduced learned praised read"
        ),
        sentences=(
            "Lessons began at {count} minutes past the hour, and latecomers {adv} missed the {noun}.",
            "{P} taught {count} children in one {adj} room, heated by a single stove.",
            "The {noun} was learned by heart, {adv} and without {feeling}.",
            "Girls were admitted in {year}, which {body} {adv} opposed.",
            "A pupil from {O} won the {noun} and became a {trade}.",
            "The inspector found the {noun} {adj} and the stove cold.",
        ),
    ),
    Topic(
        titles=("The {T} theatre", "Music in {T}", "{P} and the choir of {T}"),
        nouns=words(
            """aria backdrop balcony ballad baton bell bench bow box candelabra cantata cello chandelier chord
            concert costume crown curtain dance drum fiddle flute footlight gallery harp hymn lamp lantern libretto
            lute mask organ overture pageant piano poster prelude programme rostrum scenery score sonata song spinet
            stage stool symphony trapdoor trumpet verse viol wardrobe"""
        ),
        verbs=words(
            "applauded arranged composed conducted directed hissed performed praised rehearsed revived sang staged"
        ),
        sentences=(
            "The first performance lasted {count} hours, and the {noun} had to be cut {adv}.",
            "{P} sang so {adv} that the {noun} was repeated.",
            "The {noun} was painted by a {trade} who had never seen a {noun}.",
            "Tickets cost {count} pence, or a {compound} stool for those who brought one.",
            "A {adj} {noun} drowned out the second act.",
            "{P} called the {noun} {adj}; the newspaper called it {adj}.",
        ),
    ),
    Topic(
        titles=("The ships of {T}", "The wreck off {T}", "{P}'s voyage from {T}"),
        nouns=words(
            """anchor ballast beacon berth bilge boom bow breakwater buoy cabin cargo chart deck dock fleet galley
            harbour hatch headland hold hull jetty keel lifeboat lighthouse mast mooring oar pier plank port quay
            reef rigging rope rudder sail sandbank shipyard shoal stern wharf"""
        ),
        verbs=words(
            "boarded caulked chartered hauled launched loaded moored raised refitted repaired rigged salvaged towed"
        ),
        sentences=(
            "The {noun} parted in a {adj} sea {count} miles from {T}.",
            "{P} steered by the {noun} alone, and {adv} by guesswork.",
            "They had {goods} for {count} days and water for half of that.",
            "A {compound} boat from {O} took off the crew {season}.",
            "The {noun} was so worn that a child could have {adv} broken it.",
            "Low water uncovers the {noun}, {adj} with weed.",
        ),
    ),
    Topic(
        titles=("The clocks of {T}", "{P}, maker of instruments", "A workshop in {T}"),
        nouns=words(
            """alloy bearing bell bellows bench bolt bracket cable catch chain clamp cog coil crank cylinder dial
            drill escapement file flywheel forge furnace gear hammer handle hinge hook joint key ladder lathe lever
            loom machine model mould nail needle nut pattern pivot plate plug pulley ratchet rivet rod screw shaft
            socket spindle spring thread tool vice washer weight wheel workbench"""
        ),
        verbs=words(
            "assembled balanced cast copied dismantled filed fitted forged improved invented oiled polished tested"
        ),
        sentences=(
            "The {noun} had {count} teeth, one of which was {adv} bent.",
            "{P} cast the {noun} {count} times before it rang true.",
            "A {compound} case protected the {noun} from dust.",
            "Apprentices swept the floor {span} before they were allowed near the {noun}.",
            "The patent of {year} describes a {adj} {noun} that was never {adv} built.",
            "Wear on the {noun} made the whole {noun} run late.",
        ),
    ),
    Topic(
        titles=("The great house at {T}", "Building the {T} town hall", "{P}, builder of {T}"),
        nouns=words(
            """alcove arcade arch balustrade basement beam brick buttress ceiling cellar chimney cloister column
            cornerstone corridor courtyard cupola doorway facade fireplace floor foundation gable gallery girder
            gutter hall hearth joist kitchen ladder landing lintel loft mortar niche outbuilding parapet pavement
            pillar plaster plinth porch quarry rafter railing roof scaffold shutter sill staircase steeple terrace
            threshold turret vault veranda wall wing"""
        ),
        verbs=words(
            "altered built completed copied demolished designed drew enlarged leaned measured painted rebuilt sketched"
        ),
        sentences=(
            "The {noun} was {count} feet wide and {adv} out of true.",
            "{P} drew the {noun} on the back of {doc}.",
            "Frost got into the {noun} {season}, and {adv} loosened it.",
            "The {compound} staircase led to a {adj} {noun} with a view of {O}.",
            "Masons from {O} carved the {noun} and {adv} left their marks.",
            "Beneath the {noun} workmen found {count} {adj} coins.",
        ),
    ),
    Topic(
        titles=("The {T} fever", "{P}, physician", "The hospital at {T}"),
        nouns=words(
            """apron bandage bath bedside bench blanket bone bottle bowl broth bucket cabinet chair clinic crutch
            curtain dispensary dose draught flask forceps herb jar kettle lamp lancet lotion mattress medicine
            mortar ointment pan pestle pill pillow pitcher powder prescription remedy scales scar sheet spa splint
            sponge stove stretcher syringe tonic tray vaccine vial ward wound"""
        ),
        verbs=words(
            "administered advised applied boiled described diagnosed dispensed isolated prescribed published treated"
        ),
        sentences=(
            "In the worst week {count} people fell ill, and the {noun} ran out.",
            "{P} boiled every {noun}, which others {adv} laughed at.",
            "The {noun} smelled of {goods} and of {goods}.",
            "Windows were kept open {season}, against the advice of {body}.",
            "A patient from {O} {adv} recovered, to the {feeling} of {P}.",
            "The {noun} was tried on {count} volunteers, {adv} paid in {goods}.",
        ),
    ),
    Topic(
        titles=("The expedition from {T}", "{P} in the mountains", "Crossing the high pass to {O}"),
        nouns=words(
            """axe bedroll bivouac boulder cairn camp canyon cave cliff compass crater crevasse desert dune fire
            flask ford glacier gorge gully hut kettle lake landmark lantern ledge map moraine mule oasis pack pass
            peak pickaxe plain plateau pole rapids ravine ridge rope route saddle scree shelter sled slope snowfield
            snowshoe stove summit supply tent track valley waterfall whistle"""
        ),
        verbs=words(
            "abandoned ascended climbed crossed explored followed left mapped named photographed reached sketched"
        ),
        sentences=(
            "They left {T} with {count} mules and {adv} returned with three.",
            "The {noun} was named after {P}, who never {adv} saw it.",
            "Snow covered the {noun} {span}.",
            "Supper was {goods}, with {goods} for those who had carried the {noun}.",
            "{P} lost the {noun} in a {adj} gorge {count} miles from {O}.",
            "From the {noun} they could {adv} see the roofs of {T}.",
        ),
    ),
    Topic(
        titles=("The {T} election", "The quarrel over {T} common", "{P} before the court of {T}"),
        nouns=words(
            """ballot banner bench bill bylaw chair clause coffer constitution cushion decree desk dock gavel
            inkstand lectern oath ordinance pardon petition podium poster resolution robe rostrum scroll seal
            settlement stamp statute table treaty urn verdict veto wig"""
        ),
        verbs=words(
            "adjourned amended contested debated defended denied drafted ignored opposed proposed ratified signed"
        ),
        sentences=(
            "The {noun} passed by {count} votes, one of them {adv} disputed.",
            "{P} spoke for {count} minutes and mentioned the {noun} only once.",
            "Stones were thrown at the {noun}, and {count} panes {adv} replaced at the cost of {body}.",
            "The judge called the {noun} {adj} and adjourned {span}.",
            "Both sides quoted {doc}, {adv} and incorrectly.",
            "In {O} a similar {noun} had been {adv} dropped.",
        ),
    ),
)

GOODS = phrases(
    """barley, salt, tallow, rye, flour, oil, hides, wool, cheese, butter, dried fish, wine, cider, vinegar, tea,
    tobacco, pepper, cinnamon, ginger, sugar, molasses, rice, oats, hops, malt, linen, silk, lace, dye, indigo,
    madder, soap, candles, glue, nails, charcoal, coal, slate, lime, pitch, resin, timber, rope, paper, ink,
    glass, pottery, tin, lead, pewter, needles, buttons, ribbon, feathers, horn, ivory, amber beads, mustard,
    saffron, cork, sponges, chalk"""
)
