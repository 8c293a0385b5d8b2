//! The English words of the synthetic corpus: common words of the language, in an order of our own.

/// From the most to the least frequent; the place in this list is the rank that Zipf's law is about.
pub const WORDS: &str = "
the and I to a of in my you it is me on your that we for be with all this but so they no not like when at up he out
what just she from as do if now are was can down will his our her by one there know how where never who they're or
love time see come go here then have over back had more too way them make let take say been only through than still
got before good were would could must may night day heart world life eyes hand man gone home away light long again
every think feel want tell keep give hear look find hold turn run stand fall leave call walk live die need believe
remember forget follow wait show bring lose break dream sleep wake burn shine sing dance cry laugh smile pray speak
whisper shout climb fly ride drive roll rise sink swim flow blow grow wear carry build write read draw paint play
fight win pay sell buy steal hide seek chase catch throw kick touch kiss mean sound move stop start stay
little old new young cold warm dark bright deep high low wide empty full lonely broken golden silver black white red
blue green gray sweet bitter wild quiet loud hard soft strong weak true false free poor rich slow quick early late
another other many few some any most both each own same last first next wrong
fire water river ocean mountain valley forest garden flower winter summer autumn spring morning evening
midnight shadow thunder lightning window mirror table kitchen corner city street
road bridge station engine wheel paper letter number picture music rhythm drum guitar voice word silence
story answer question reason promise secret memory sorrow trouble danger anger fear hope faith
mercy justice freedom honor glory pleasure laughter children mother father brother sister daughter stranger
neighbor soldier sailor farmer dancer singer lover beggar teacher doctor master servant
body shoulder finger feather leather iron copper diamond candle lantern ashes ember smoke dust mud
meadow pasture harvest apple cherry willow cedar maple thistle clover honey butter sugar coffee
bottle pocket jacket ribbon button needle hammer ladder barrel bucket basket blanket pillow curtain
sparrow raven eagle rabbit wolf horse cattle spider tiger lion salmon
hundred thousand seven eleven twenty
yesterday tomorrow forever always sometimes maybe almost nearly together apart inside outside under above
across along around behind between beyond without within until against toward
because while though since after ever even once twice
";

/// A line a rhyme group: its words rhyme with each other and with no word of another line.
pub const RHYMES: &str = "
night light bright sight fight right flight tonight
day way stay say play away gray pray
heart part start apart art chart smart
sky high fly cry die why goodbye
fire desire higher liar choir wire
rain pain train chain plain vain remain
gold cold old hold told bold fold
stone alone bone throne phone own grown
sea free me tree key knee degree
time rhyme climb crime prime dime chime
road load code mode explode abode
hound sound found around round bound
dream stream gleam beam seem team
song long strong wrong belong along
door floor more war shore before core
street beat heat feet sweet meet seat
hand land sand stand band command
name flame game same fame shame blame
ring king sing bring spring thing wing
roll soul goal whole control coal
sun run done gun fun begun son
moon soon tune june noon spoon
blue true you new through few
face place grace race space chase trace
wall fall call all small tall
bell tell well hell fell spell
deep sleep keep weep sheep steep
mind find kind blind behind unkind
bed said head red dead bread thread
back black track crack pack attack
best rest west chest test quest guest
clock rock block shock lock knock
town down crown brown clown gown
line mine shine wine sign fine divine
boat float note wrote throat coat
flash crash smash trash dash splash
near fear year clear dear cheer
hill still will fill until thrill
hit bit sit quit spit fit split
ride side wide pride hide guide inside
make take wake break lake snake
power flower hour tower shower
burning turning learning yearning returning churning
money honey funny sunny bunny
";

/// What a track or a book is called after.
pub const IMAGES: &str = "
River Stone Ember Harbour Lantern Meadow Thunder Willow Mirror Feather Garden Bridge Winter Candle Shadow Silver
Raven Orchard Tide Smoke Compass Clover Anchor Copper Velvet Morning Cedar Hollow Marble Sparrow Saddle Pepper
Chapel Ferry Kettle Needle Ribbon Signal Summit Timber Tunnel Valley Window Zephyr
";

/// `*` stands for an image.
pub const TITLES: &str = "*|The *|My *|* and *|Song of the *|* in the *|Under the *|No More *|* Blues|Where the * Was";

/// `*` stands for an image.
pub const BOOKS: &str = "Songs of the *|* and Other Verses|The * Sessions|* Street|Leaves from the *|The * Reader";

/// First names of men and of women take turns.
pub const FIRST_NAMES: &str = "
Aldous Briony Cormac Delphine Edric Fenella Gideon Hester Ivor Junia Kester Linnet Magnus Nerys
Osric Petra Quentin Rowena Silas Thea Ulric Verity Wystan Xanthe Yorick Zelda Barnaby Clemence
";

/// Invented family names.
pub const FAMILY_NAMES: &str = "
Ashmarrow Birchwick Coldwater Dunthorpe Elderfen Fairbrook Gallowglen Harrowgate Inkpenner Juniperley Kettlewright
Larkfield Mossgrove Netherby Oakhollow Pennydown Quillfeather Ravensby Saltmarsh Thistlewood Underhay Vexley
Windermoor Yarrowby Amberley Bramblecote Crowhurst Dovecote Emberton Foxglovely Greywether Hollowell Ironside Kestrelby
Lanternby Millstone Nightingdale Otterbourne Pebblesworth Rushmere Swanwick Tallowby Wolfsbane Yewbank
";
