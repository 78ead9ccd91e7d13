"""The words of the documents: everyday things by category, people, places, keys and syllables.

Records name things, never their categories: that parsnips are vegetables is what a reader has to know.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    """Split a comma-separated list."""
    return tuple(word.strip() for word in text.replace("\n", " ").split(","))


CATEGORIES: dict[str, tuple[str, ...]] = {
    "vegetables": _words(
        """carrots, parsnips, turnips, beetroots, radishes, potatoes, yams, onions, shallots, leeks, cabbages,
        cauliflowers, artichokes, aubergines, courgettes, cucumbers, pumpkins, peas, lentils, chickpeas, lettuces,
        gherkins, endives, spinach, kale, celery, broccoli, asparagus, garlic, watercress, chard, sweetcorn,
        kohlrabi, horseradish, soybeans, green beans, celeriac, okra, rutabagas, fennel, bell peppers"""
    ),
    "fruits": _words(
        """apples, pears, plums, peaches, apricots, nectarines, cherries, grapes, raspberries, strawberries,
        blueberries, blackberries, gooseberries, cranberries, redcurrants, oranges, lemons, limes, grapefruits,
        tangerines, clementines, mandarins, kumquats, bananas, pineapples, mangoes, papayas, guavas, lychees, figs,
        dates, kiwis, melons, watermelons, pomegranates, quinces, persimmons, coconuts, mulberries, elderberries,
        satsumas, damsons"""
    ),
    "instruments": _words(
        """guitars, violins, violas, cellos, harps, lutes, banjos, mandolins, ukuleles, zithers, pianos, organs,
        harpsichords, accordions, concertinas, harmonicas, flutes, piccolos, recorders, clarinets, oboes, bassoons,
        saxophones, trumpets, trombones, tubas, cornets, bugles, bagpipes, drums, timpani, tambourines, cymbals,
        gongs, xylophones, marimbas, glockenspiels, castanets, maracas, bongos, fiddles, sitars, lyres, kazoos"""
    ),
    "tools": _words(
        """hammers, mallets, screwdrivers, spanners, wrenches, pliers, pincers, chisels, saws, hacksaws, fretsaws,
        drills, rasps, axes, hatchets, crowbars, shovels, spades, rakes, hoes, pitchforks, trowels, sickles,
        scythes, shears, clamps, bench vices, anvils, awls, sledgehammers, pickaxes, chainsaws, wheelbarrows,
        stepladders, paintbrushes, sandpaper, spirit levels, tape measures, secateurs, soldering irons,
        wire cutters, blowtorches"""
    ),
    "furniture": _words(
        """chairs, armchairs, stools, benches, sofas, settees, couches, tables, desks, bureaus, wardrobes,
        cupboards, cabinets, sideboards, dressers, bookcases, bookshelves, beds, bunk beds, cots, cradles,
        mattresses, footstools, ottomans, recliners, rocking chairs, deckchairs, divans, nightstands,
        bedside tables, dressing tables, coffee tables, high chairs, filing cabinets, hat stands, coat racks,
        shoe racks, lecterns, pews, futons, barstools, headboards"""
    ),
    "clothes": _words(
        """shirts, blouses, trousers, jeans, shorts, skirts, dresses, gowns, suits, waistcoats, jackets, coats,
        overcoats, raincoats, anoraks, parkas, cardigans, jumpers, sweaters, pullovers, hoodies, vests, tights,
        stockings, socks, pyjamas, nightgowns, scarves, gloves, mittens, hats, bonnets, berets, belts, ties,
        bow ties, shawls, ponchos, kilts, leggings, dungarees, blazers, tunics"""
    ),
    "kitchenware": _words(
        """saucepans, frying pans, woks, kettles, teapots, cafetieres, ladles, spatulas, whisks, colanders, sieves,
        graters, peelers, rolling pins, chopping boards, bread knives, forks, spoons, chopsticks, plates, saucers,
        bowls, mugs, teacups, tumblers, wine glasses, jugs, baking trays, cake tins, muffin tins, toasters,
        blenders, corkscrews, tin openers, bottle openers, garlic presses, lemon squeezers, measuring cups,
        pepper mills, salt shakers, tongs, nutcrackers"""
    ),
    "vehicles": _words(
        """cars, taxis, vans, lorries, trucks, buses, minibuses, trams, trains, bicycles, tricycles, unicycles,
        motorcycles, mopeds, tractors, bulldozers, ambulances, fire engines, limousines, caravans, motorhomes,
        jeeps, hatchbacks, convertibles, sailing boats, ships, yachts, canoes, kayaks, dinghies, rowing boats,
        ferries, barges, submarines, hovercraft, helicopters, airplanes, gliders, airships, rickshaws, snowmobiles"""
    ),
    "birds": _words(
        """robins, sparrows, thrushes, blackbirds, starlings, finches, wrens, swallows, crows, ravens, magpies,
        jays, jackdaws, pigeons, doves, owls, eagles, hawks, falcons, kestrels, buzzards, vultures, herons, storks,
        swans, geese, ducks, turkeys, pheasants, partridges, quails, peacocks, parrots, budgerigars, canaries,
        penguins, pelicans, puffins, seagulls, albatrosses, kingfishers, woodpeckers, cuckoos, ostriches,
        flamingos"""
    ),
    "mammals": _words(
        """dogs, cats, horses, donkeys, cows, sheep, goats, pigs, rabbits, hares, squirrels, hedgehogs, badgers,
        foxes, wolves, bears, lions, tigers, leopards, cheetahs, elephants, giraffes, zebras, hippopotamuses,
        rhinoceroses, camels, llamas, deer, moose, antelopes, buffaloes, monkeys, gorillas, chimpanzees, kangaroos,
        koalas, otters, beavers, walruses, whales, dolphins, mice, rats, hamsters"""
    ),
    "flowers": _words(
        """roses, tulips, daffodils, daisies, lilies, orchids, carnations, chrysanthemums, sunflowers, poppies,
        violets, pansies, primroses, bluebells, snowdrops, crocuses, hyacinths, irises, peonies, dahlias,
        geraniums, petunias, begonias, marigolds, lavender, lilacs, hydrangeas, azaleas, rhododendrons, camellias,
        magnolias, jasmine, honeysuckle, foxgloves, lupins, delphiniums, gladioli, freesias, anemones, buttercups,
        dandelions, cornflowers"""
    ),
    "sports gear": _words(
        """footballs, basketballs, volleyballs, rugby balls, tennis balls, golf balls, cricket balls, baseballs,
        bowling balls, tennis rackets, squash rackets, badminton rackets, shuttlecocks, golf clubs, cricket bats,
        baseball bats, hockey sticks, ice skates, roller skates, skateboards, surfboards, snowboards, skis,
        ski poles, dumbbells, barbells, kettlebells, boxing gloves, punchbags, skipping ropes, javelins, discuses,
        hurdles, trampolines, dartboards, goalposts, shin pads, swimming goggles, snorkels, climbing ropes,
        yoga mats, snooker cues"""
    ),
}

CATEGORY_NAMES = tuple(CATEGORIES)
CATEGORY_OF = {thing: category for category, things in CATEGORIES.items() for thing in things}

PEOPLE = _words(
    """Ana, Ben, Carla, Dev, Elif, Femi, Greta, Hugo, Ines, Jonas, Kira, Liam, Mina, Noor, Omar, Petra, Quinn, Ruth,
    Sami, Tara, Uma, Viktor, Wanda, Yusuf"""
)

ADJECTIVES = _words(
    """amber, brass, copper, crimson, dusty, emerald, faded, gilded, hollow, ivory, jade, little, marble, narrow,
    oaken, painted, quiet, rusty, silver, tall, velvet, wooden, yellow, broken"""
)
NOUNS = _words(
    """lantern, cellar, gate, vault, locker, chapel, tower, drawer, harbour, mill, attic, bridge, cabin, depot,
    garden, hangar, kiosk, library, mailbox, observatory, pavilion, studio, tunnel, workshop"""
)
KEYS = tuple(f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS)

PLACE_STARTS = _words(
    """Amber, Birch, Cedar, Drift, Elder, Fern, Glen, Haw, Iron, Juniper, Kirk, Lime, Moss, North, Otter, Pine,
    Quarry, Raven, Stone, Thorn, Under, Vale, West, Yarrow"""
)
PLACE_ENDS = _words("bridge, by, dale, field, ford, ham, mere, moor, stead, ton, wick, worth")
PLACES = tuple(start + end for start in PLACE_STARTS for end in PLACE_ENDS)

FIRST_SYLLABLES = _words("bre, dro, fla, gli, gru, kle, kwi, plo, ske, smo, spra, stru, swo, thra, tri, vla, zho, zwe")
LAST_SYLLABLES = _words("bax, cuv, dop, fenk, gish, jep, kund, lusk, mirp, nax, pob, quim, rilt, sorg, tev, vusk, zim")
COINED_WORDS = tuple(first + last for first in FIRST_SYLLABLES for last in LAST_SYLLABLES)
