"""Names of people and places that do not exist.

Surnames and places are compounds, so that a library of articles has thousands of each. None of them is a name that a
hidden fact may hold.
"""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """Split a text into its words."""
    return tuple(text.split())


FIRST_NAMES = words(
    """Ada Agnes Albert Alden Alice Ambrose Amelia Anders Anselm Anthea Arthur Astrid Audrey Augusta Barnaby Beatrice
    Benedict Bertha Blanche Bridget Bruno Caleb Camilla Cecil Celia Clara Claude Clement Constance Cora Cyril Daphne
    Desmond Diana Dora Dorothy Edgar Edith Edmund Edwin Eleanor Elias Eliza Ellen Elmer Elsie Emil Enid Ernest Esther
    Ethel Eugene Eunice Felix Fergus Flora Florence Frances Frederick Gabriel George Gerald Gertrude Gideon Gilbert
    Gladys Godfrey Gordon Grace Gregory Gwen Harold Harriet Hazel Helen Henrietta Henry Herbert Hester Hilda Horace
    Hubert Ida Ingrid Irene Isaac Isabel Ivor Jacob Jane Jasper Jerome Joan Josephine Judith Julian Kathleen Kenneth
    Lambert Laura Lavinia Leonard Leopold Lewis Lilian Linus Lionel Louisa Lucian Lucy Lydia Mabel Magnus Marcus
    Margaret Marian Marjorie Martha Martin Matilda Maud Maurice Maxine Mildred Miles Millicent Miriam Morris Muriel
    Nathan Nell Neville Nora Norman Octavia Olive Oliver Oscar Oswald Pauline Percy Phoebe Phyllis Priscilla Ralph
    Raymond Reginald Rhoda Robert Rosalind Rowena Rupert Ruby Sabina Samuel Sarah Sebastian Selma Sidney Silas Simon
    Stella Stephen Susanna Sybil Sylvia Tabitha Thaddeus Theodora Theodore Thelma Tobias Ursula Valentine Vera Vernon
    Victor Vincent Viola Violet Walter Wilfred Winifred Wilhelmina Zachary"""
)

SURNAME_STARTS = words(
    """Abber Acker Adder Alder Alling Apple Arden Ark Arrow Ash Askew Aver Bagg Bal Bann Barr Barrow Basker Bax Beck
    Bell Benning Ber Bick Black Blen Blox Bod Boll Bosk Brad Bram Brick Brim Brock Brom Buck Bur Cald Camber Carl Cast
    Catter Chad Chal Chil Clem Clif Col Coll Conn Copper Corb Cot Crank Craw Cress Crick Crom Cul Cun Dag Dal Dar Deb
    Den Der Dock Dod Dor Dray Dun Eagle Ecker Edder Egg Ell Ember Enning Esk Ever Fair Fallow Far Fen Fether Fin Flax
    Flint Fol Fox Frant Ful Gal Gar Gasc Gel Gil Glad Gold Gos Gran Green Grim Gunn Had Hal Ham Han Har Hart Hather Hay
    Hazel Heb Hel Hen Her Hill Hock Hol Horn Hox Hunt Ing Kel Ken Kers Kim Kings Lad Lam Lang Lark Led Leigh Lind Lock
    Long Lor Lud Lyn Mal Man Mar Mas Mead Mel Mer Mid Mil Mor Mul Nether Nor Nut Oak Ockel Orm Os Pad Par Pem Pen Pick
    Pol Prest Rad Ram Red Rich Rock Rom Ros Rud Rush Sal San Sedge Sel Shel Sher Sil Skel Stan Stav Steb Strick Sut
    Swin Tad Tal Tam Ted Tem Thack Thorpe Til Tol Trel Tun Ul Up Wad Wal War Wat Wed Wel Whit Wick Wil Win Wol Wyn"""
)
SURNAME_ENDS = words(
    """bank beck berry bold borne bourne bright brook burn bury by combe cot cott croft dale den dine don ell er ett
    fell ford gate ger grave grove hallow ham hart head hope house hurst ing ington kin lake land law leigh ley ling
    lock low man mar mere more nall ney over pole ridge row ry sall sett shaw side smith son stall staff stock stone
    street thwaite tham ton tree vell wall ward way well wick win wood worthy yard"""
)
TOWN_STARTS = words(
    """Abbots Aller Anvil Apple Arch Barley Barrow Battle Bell Beacon Bishops Black Bramble Brand Bright Broad Broom
    Buck Butter Candle Carding Castle Chapel Chalk Cherry Clay Clear Clover Coble Cold Copper Corn Cow Crab Crane Cross
    Crow Dairy Damson Deep Deer Dove Dray Dry Dun Eagle East Ember Even Fair Falcon Farthing Flax Flint Flood Fox Frost
    Furze Gander Garner Gold Goose Gorse Grain Grand Grass Grey Hag Hamble Hare Harrow Harvest Haven Hay Hazel Heather
    Herring High Holly Honey Hop Horse Hound Hunter Ice Kings Kite Lady Lamb Lark Lantern Latch Ley Linden Little Long
    Loom Low Mallow Maple Market Marl Marsh Meadow Mid Mill Minster Mist Monk New Oaken Oat Old Orchard Osier Over Ox
    Parson Pear Pebble Petty Plough Pond Poplar Priors Quill Rain Reed Ridge Ring Rook Rose Rowan Rush Rye Saddle Saint
    Salt Sand Sedge Shear Shell Shep Silver Slate Sloe Smithy Snow South Sparrow Spring Stag Star Still Stock Strand
    Straw Summer Sun Swan Sweet Tanner Teal Thatch Thistle Three Timber Tinder Toll Upper Verge Walnut Warren Water
    Wheat White Wild Willow Winter Withy Wolf Wood Wool Wren"""
)
TOWN_ENDS = words(
    """acre bank barrow bay beach beck bottom bourne brook burgh bury castle chester church cliff combe common cot court
    cove croft cross den don down edge end fall farm fell fold gate glen grange grave green grove hall haven head heath
    hill hollow holm holt hope house hurst island keld lake lane lea leigh low market marsh minster mouth mount nest
    over park pass point pool port quay reach ridge rigg row shaw shore side spring stable stall stoke stow strand
    stream thorpe vale view wall water way well wharf"""
)
