"""Words that every article may use, by the name of the slot that they fill."""

from __future__ import annotations

from rao_gym.tasks.long_context.prose.names import words


def phrases(text: str) -> tuple[str, ...]:
    """Split a text at its commas."""
    return tuple(" ".join(part.split()) for part in text.split(","))


MATERIALS = words(
    """alabaster ash ashlar basalt beech birch bone brick bronze bristle canvas cane cedar chalk cherry clay cloth coal
    cobble coral cork cotton cord ebony elm enamel felt fir flax flint flock fur glass granite gravel gypsum hair hazel
    heather hemp hide horn iron lace larch laurel lead leather lime limestone linen loam maple mica moss mud nickel nut
    oak oilcloth osier paper parchment pearl pebble peat pewter pine pitch plaster plum plywood poplar quartz quill
    reed resin rope rosewood rubber rush rye sable sand sandstone satin sawdust seaweed serge shale shell shingle silk
    sisal slate snow soot spruce steel stone straw sugar tallow tar teak thatch thread tile timber tin turf twill twine
    walnut wax whalebone wicker willow wire wool yew zinc"""
)
FINISHES = words(
    """backed banded based bladed bodied bordered bottomed bound braced capped carved cased clad coated coloured covered
    crowned decked dressed edged faced fed filled finished fitted floored flecked framed fringed fronted grained handled
    headed heeled hinged hooped hulled inlaid jointed keeled knotted lagged laid lidded lined linked loaded mounted
    nailed necked packed padded panelled paved plated polished pointed railed ribbed rigged rimmed roofed seamed shaped
    sided soled spanned spiked stained stitched strapped strung studded tipped tongued topped trimmed tufted walled
    webbed wheeled woven wrapped"""
)
ADJECTIVES = words(
    """ample ancient angular awkward bare barren bleak blunt brisk broad busy cheap clean clear coarse cold costly
    crowded damp dark delicate dense difficult dim dry dull easy elaborate elegant empty enormous excellent faint
    fair familiar famous fine firm flat fragile frail fresh generous gloomy graceful grand grave great handsome
    handy harmless harsh heavy high immense important impressive modest intricate jagged large local long loose
    loud low massive meagre mellow mighty moderate musty mysterious natural neat new noble noisy notable obscure
    odd old ordinary ornate pale peculiar plain pleasant poor popular practical precious pretty private public
    pure rapid rare remote rich rigid robust rough round rude rugged rural separate severe shabby shallow sharp
    short simple slender slight slow small smooth soft solemn solid solitary sombre spacious splendid stable stiff
    stout straight strange strong sturdy subtle superb thick thin tidy tight tiny tough tranquil trim uncertain
    uneven unusual useful vague valuable vast vivid warm weird wide worn"""
)
ADVERBS = words(
    """abruptly afterwards again allegedly almost always apparently briefly carefully cautiously chiefly commonly
    constantly deliberately eagerly eventually evidently famously formerly frankly freely frequently gladly
    gradually grudgingly hastily hesitantly immediately jointly largely lately later loudly mainly mostly never
    occasionally often once openly partly patiently politely presently privately promptly properly proudly
    publicly quickly quietly rarely readily regularly reluctantly reportedly rightly secretly seldom silently
    simply slowly solemnly soon stubbornly suddenly supposedly twice usually willingly wrongly"""
)
TRADES = phrases(
    """apothecary, archivist, astronomer, baker, basket maker, beekeeper, bell founder, blacksmith, boat builder,
    bookbinder, botanist, bricklayer, brewer, bursar, butcher, carpenter, cartographer, carver, chandler, chemist,
    choirmaster, clerk, clockmaker, coachman, cobbler, confectioner, cooper, curate, curator, customs officer,
    dairyman, diver, doctor, draper, dressmaker, dyer, engineer, engraver, farmer, ferryman, fisherman, forester,
    framer, furrier, gamekeeper, gardener, geologist, glassblower, glazier, goldsmith, governor, grocer, hatter,
    innkeeper, inspector, ironmonger, jeweller, joiner, judge, keeper of records, lamplighter, lawyer, librarian,
    lighthouse keeper, locksmith, magistrate, mason, mathematician, merchant, midwife, miller, milliner, miner,
    minister, musician, naturalist, notary, nurse, organist, painter, paper maker, pastry cook, pharmacist,
    philosopher, photographer, physician, pilot, plasterer, plumber, poet, porter, postmaster, potter, printer,
    quarryman, rope maker, saddler, sailmaker, schoolteacher, sculptor, seamstress, secretary, sexton, shepherd,
    shipwright, shopkeeper, signalman, silversmith, smelter, stonecutter, surgeon, surveyor, tailor, tanner,
    teacher, thatcher, tinsmith, translator, treasurer, tutor, undertaker, upholsterer, vicar, vintner, warden,
    watchmaker, watchman, weaver, wheelwright, wine merchant, woodcutter"""
)
BODIES = phrases(
    """the council, the parish, the county, the guild, the academy, the harbour board, the water company, the
    trustees, the committee, the society, the ministry, the bank, the railway, the chamber of commerce, the board
    of works, the assembly, the cooperative, the insurers, the neighbours, the board of health, the bench, the
    visitors"""
)
DOCUMENTS = phrases(
    """a ledger, a diary, a pamphlet, a petition, a letter, an almanac, a report, a catalogue, a set of minutes,
    an inventory, a survey, a will, a handbill, a notebook, a gazetteer, a memoir, an account book, a map, a
    contract, a newspaper, a travel book, a tax roll, a sermon, a guidebook, a census, an obituary, a bundle of
    receipts"""
)
FEELINGS = phrases(
    """relief, surprise, regret, pride, alarm, envy, delight, annoyance, amusement, concern, dismay, gratitude,
    indifference, suspicion, impatience, sympathy, curiosity, caution, confidence, embarrassment, disbelief,
    approval"""
)
SEASONS = phrases(
    """in the spring, in early summer, in the dry months, towards the end of autumn, in the depth of winter, after
    the thaw, before the harvest, during the long rains, in the first frosts, at midsummer, after the equinox,
    around the new year, in the hungry months, when the nights drew in, in the week of the fair, at low tide"""
)
SPANS = phrases(
    """for several weeks, for a year and a half, for two generations, over three decades, for a season, for most
    of a century, by slow degrees, for as long as anyone could remember, from one Sunday to the next, for the rest
    of that decade, until the following year"""
)
COUNTS = words(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
)

SLOTS = {
    "adj": ADJECTIVES,
    "adv": ADVERBS,
    "trade": TRADES,
    "body": BODIES,
    "doc": DOCUMENTS,
    "feeling": FEELINGS,
    "season": SEASONS,
    "span": SPANS,
    "count": COUNTS,
}

SENTENCES = (
    "{Season}, {P} came to {T} and looked over the {noun} with {feeling}.",
    "{P}, then a {trade}, {adv} kept {doc} about the {noun}, and most of it has survived.",
    "In {year} {body} voted for a {adj} {noun}, though {count} members stayed away.",
    "The {noun} was {adj} and {adj}, and visitors {adv} compared it with the one in {O}.",
    "According to {doc}, the {noun} cost more than the {noun} and the {noun} together.",
    "Nobody had expected the {noun} to be so {adj}, and {body} {adv} said so.",
    "{P} wrote to {P} {season}, asking whether the {noun} could be moved.",
    "{Body} refused to pay for the {noun}, which a {trade} from {O} had {adv} promised to repair.",
    "A {compound} {noun} stood beside the {noun} {span}.",
    "{P} {verb} the {noun}, and {P} {verb} the {adj} {noun} that had been kept at {O}.",
    "It is often said that the {noun} was brought from {O} on a {compound} cart.",
    "The road between {T} and {O} was {adj} {season}, so the {noun} arrived late.",
    "By {year} there were {count} {trades} in {T}, where there had once been only one.",
    "With some {feeling}, {P} admitted that the {noun} had never been as {adj} as {doc} claimed.",
    "The oldest part of the {noun} is {compound}, and the rest is {compound}.",
    "{Span_}, the {noun} belonged to {body}, which {adv} let it decay.",
    "Of the {count} people who {verb} the {noun}, only {P} left {doc}.",
    "{P} preferred the {adj} {noun} to the {adj} one, but {P} {adv} disagreed.",
    "A {trade} named {P} offered {count} crowns for the {noun} and was turned away.",
    "What became of the {noun} after {year} is not known; {doc} mentions it only once.",
    "{Body} met {season} and decided, to the {feeling} of {P}, to keep the {noun}.",
    "The {noun} and the {noun} were {adv} inspected by a {trade} from {O}.",
    "Every {noun} in {T} was counted in {year}, and {count} of them were found to be {adj}.",
    "{P} had learned from a {trade} in {O} how a {compound} {noun} is {adv} made.",
    "Some blamed the {adj} {noun}, others the weather, and {P} blamed {body}.",
    "After the fire of {year}, a {compound} {noun} was all that remained.",
    "Children were {adv} told not to touch the {noun}, which was {adj} and {compound}.",
    "The {trade} of {T} {verb} the {noun} {season} and asked for {count} helpers.",
    "{Doc} in the archive of {O} describes the {noun} as {adj}, {adj} and {adv} neglected.",
    "When {P} died in {year}, the {noun} passed to {P}, who {adv} sold it.",
    "There was {feeling} in {T} when the {noun} turned out to be {compound}.",
    "{P} measured the {noun} {count} times and {adv} got a different result.",
    "To this day the {noun} is {adj} enough to be shown to strangers.",
    "{Season} the {noun} was closed, and people from {T} {adv} walked to {O} instead.",
    "{P} thought the {noun} {adj}; {body} thought it merely {adj}.",
    "The {compound} {noun} that {P} gave to {body} is now in {O}.",
    "Neither {P} nor {P} could explain why the {noun} had become so {adj}.",
    "The work took {count} {trades} and went on {span}.",
    "Repairs to the {noun} began {season} and ended in {year}.",
    "{P} returned from {O} with a {compound} {noun} and {count} letters of thanks.",
)
"""Sentences for any topic. A slot that begins with a capital begins a sentence."""

OPENINGS = (
    "The story of {title} begins {season} in {T}, with a {adj} {noun} and a {trade}.",
    "Few things in {T} are as {adj} as its {noun}, and this is an account of {title}.",
    "In {year}, when {P} first came to {T}, nobody spoke of {title}.",
    "{P} of {T}, a {trade} by training, is the main source for {title}.",
    "Anyone who travels from {O} to {T} will {adv} hear of {title}.",
)
CLOSINGS = (
    "So ended, to the {feeling} of {P}, a {adj} chapter in the life of {T}.",
    "Today the {noun} is looked after by {body}, and {doc} about it can be had in {T}.",
    "{P} had the last word: the {noun} had been worth it, however {adj} the price.",
    "What is left of the {noun} can be seen in {O}, {season}, on request.",
    "{Body} still speaks of it with {feeling}.",
)
HEADINGS = (
    "The early years", "A change of plan", "Money and labour", "What the records say", "Opinions", "The dispute",
    "Later developments", "Visitors", "The work itself", "Losses and repairs", "People", "A second attempt",
    "The question of ownership", "Methods", "Consequences", "Present state", "Rumours", "Across the border",
)  # fmt: skip
