"""The hundred titles a bookseller sees in the demo, written by hand: kind, title, contributors, series.

All but *Between Two Fires* are invented. The first 30 cover every kind the rules know, so that a small
catalog is a complete one. `KINDS` in `catalog.py` says what each kind looks like on the site.
"""

from typing import NamedTuple


class Written(NamedTuple):
    """One line of the list. Contributors are "Name" or "Name (Role)", parted by ";"."""

    kind: str
    title: str
    contributors: str
    series: str | None = None


WRITTEN: tuple[Written, ...] = (
    Written("between_two_fires", "Between Two Fires", "Christopher Buehlman"),
    Written("preorder_199999", "The Cartographer of Drowned Stars", "Imogen Vashti", "The Tidal Atlas #3"),
    Written("preorder_no_table", "A Crown of Quiet Thunder", "Tobias Renholm", "Stormwright #2"),
    Written("no_table", "Letters to a Dead Astronomer", "Paulina Oyelaran"),
    Written("out_of_print", "The Glassblower's War", "Hester Quillfeather"),
    Written("print_on_demand", "Moonlight over Meridian Station", "D. K. Abernathy"),
    Written("digital", "The Lantern Protocol", "Mirela Stanescu"),
    Written("restricted", "Salt Witch Rising", "Annelise Corbray", "The Salt Cycle #1"),
    Written("zero_on_order", "Seven Gates of Ash", "Ruben Castellanos", "The Ashen Gate #1"),
    Written("zero_zero", "An Orchard of Small Machines", "Wilhelmina Frost"),
    Written("not_returnable", "The Clockwork Abbess", "Basil Thornquist"),
    Written(
        "unicode",
        "Žaltvykslė: Ὀδύσσεια of the Łódź Star-Weavers — Being the True & Complete Account of "
        "Þórdís Jökulsdóttir’s Voyage"
        " beyond the Čerenkov Sea, with the Songs of 星の織り手 and the Maps of Nguyễn Ánh",
        "Þórdís Jökulsdóttir; Nguyễn Thị Ánh (Translator); 山田 星子 (Illustrator)",
    ),
    Written("markup", 'The <b>Bold</b> & the "Brave": Collected Stories', "Fergus O'Malley (Editor)"),
    Written("isbn_10", "The Last Lighthouse on Europa", "Octavia Brandt"),
    Written("low_stock", "Wolves of the Ninth Moon", "Sergei Voronin", "Ninth Moon #9"),
    Written("elsewhere", "The Saffron Throne", "Priya Raghunathan", "Spice Roads #1"),
    Written("preorder_on_hand", "Ember & Oath", "Caspian Whitlock", "Oathbound #4"),
    Written("not_in_us", "The Queen's Gryphon", "Philippa Ashdown"),
    Written("out_of_print_left", "Chronicles of the Umber Coast", "Ludo Marchetti"),
    Written("forthcoming_zero", "The Thousand-Year Courier", "Amara Nwosu"),
    Written("placeholder", "Nightfall in the Copper City", "Jonah Everhart", "Copper City #1"),
    Written("no_cover", "A Field Guide to Lesser Dragons", "Ottilie Grange; Marcus Bell (Illustrator)"),
    Written("out_of_print_no_table", "Songs for a Hollow Sun", "Gideon Marsh"),
    Written("temporarily_out", "The Weavers of Iron Lake", "Katya Lindqvist"),
    Written("audio", "The Starling Conspiracy (Unabridged)", "Nadia Halloran; Piers Dunmore (Narrator)"),
    Written("markup", "Ampersand &amp; Sons: Purveyors of </title><i>Magic</i>", "Cordelia Ng"),
    Written(
        "unicode", "سفر النجوم: The Book of Stars — שירי הירח", "Layla Haddad; Eitan Ben-Ami (Translator)"
    ),
    Written("in_stock", '"Repent," Said the Tin Saint', 'Marguerite "Daisy" Kowalczyk'),
    Written("formula", "+1 to Charisma", "Dax Fielding"),
    Written("in_stock", "The Hollow Archive", "Selene Adair", "The Hollow Archive #1"),
    Written("in_stock", "Beneath a Borrowed Sky", "Ezekiel Tran"),
    Written("in_stock", "The Bone Cartwright", "Rosalind Achterberg"),
    Written("in_stock", "Saints of the Static Sea", "Malik Deveraux", "Static Sea #1"),
    Written("in_stock", "Ghosts of the Static Sea", "Malik Deveraux", "Static Sea #2"),
    Written("preorder_199999", "Kings of the Static Sea", "Malik Deveraux", "Static Sea #3"),
    Written("in_stock", "The Ministry of Unmade Things", "Agnes Pell"),
    Written("in_stock", "Rook Takes Empire", "Lucian Faraday"),
    Written("in_stock", "The Apothecary of Io", "Hanneke de Wit"),
    Written("placeholder", "The Mercy of Giants", "Bram Okafor", "Giantsbane #1"),
    Written("in_stock", "A Song for the Unburied King", "Isolde Carrow"),
    Written("in_stock", "Dust and Diadem", "Farid Nasser", "Sandglass #1"),
    Written("zero_on_order", "Blood and Diadem", "Farid Nasser", "Sandglass #2"),
    Written("preorder_no_table", "Ruin and Diadem", "Farid Nasser", "Sandglass #3"),
    Written("in_stock", "The Winter Engine", "Greta Halvorsen"),
    Written("in_stock", "Thornwood", "Elspeth Mackay", "Thornwood #1"),
    Written("low_stock", "Thornwood Burning", "Elspeth Mackay", "Thornwood #2"),
    Written("in_stock", "The Quantum Gardener", "Yusuf Demir"),
    Written("in_stock", "All the Drowned Cathedrals", "Beatrix Lowe"),
    Written("elsewhere", "The Girl Who Ate the Comet", "Mai Thanh"),
    Written("in_stock", "Ironbark", "Kirra Dunstan"),
    Written("in_stock", "Half a Heart in Hyperspace", "Colton Reyes"),
    Written("print_on_demand", "The Collected Papers of Doctor Umbrage", "Horace Tillinghast"),
    Written("in_stock", "House of Ravens and Rain", "Sorcha Devlin", "Raven Courts #1"),
    Written("in_stock", "House of Foxes and Frost", "Sorcha Devlin", "Raven Courts #2"),
    Written("preorder_199999", "House of Wolves and Wine", "Sorcha Devlin", "Raven Courts #3"),
    Written("in_stock", "The Sky Below the Sea", "Anselm Gruber"),
    Written("digital", "Postcards from the Singularity", "Juno Park"),
    Written("in_stock", "The Mapmaker's Daughter of Mars", "Delphine Aubry"),
    Written("not_returnable", "Orbital Decay and Other Love Stories", "Rafferty Cole (Editor)"),
    Written("in_stock", "The Silence Between Suns", "Ingrid Solheim"),
    Written("zero_zero", "Harrow's Menagerie", "Clement Harrow"),
    Written("in_stock", "The Alchemist's Understudy", "Noor Siddiqui"),
    Written("in_stock", "Ten Thousand Paper Ships", "Hiroko Tanabe; Simon Achebe (Translator)"),
    Written("temporarily_out", "The Vicar of Alpha Centauri", "Monty Featherstone"),
    Written("in_stock", "Gravemoss", "Tamsin Yarrow"),
    Written("in_stock", "The Obsidian Regent", "Vikram Sethi", "Regency of Glass #1"),
    Written("isbn_10", "Tales the Void Told Me", "Eleanor Pryce"),
    Written("in_stock", "The Beekeeper of Babel", "Samir Khoury"),
    Written("preorder_no_table", "The Obsidian Heir", "Vikram Sethi", "Regency of Glass #2"),
    Written("in_stock", "Copper, Starlight, Crow", "Wren Abelard"),
    Written("in_stock", "The Longest Elevator", "Petra Novakova"),
    Written("zero_on_order", "Daughter of the Drowned God", "Caius Merrow"),
    Written("in_stock", "Mother of Comets", "Adaeze Obi"),
    Written("in_stock", "The Unreliable Oracle", "Percival Lunt"),
    Written("no_cover", "Knight of the Kettle", "Maud Pargeter"),
    Written("in_stock", "Sevenfold Night", "Dmitri Aslanov"),
    Written("preorder_199999", "The Eighth Color of Magic Hour", "Luisa Fontana"),
    Written("in_stock", "Stormglass", "Tobias Renholm", "Stormwright #1"),
    Written("in_stock", "The Librarian's Guide to Interstellar War", "Fenella Ogilvie"),
    Written("low_stock", "The Weeping Automaton", "Casimir Dorn"),
    Written("in_stock", "An Unkindness of Angels", "Gabriel Iwu"),
    Written("in_stock", "The Fifth Moon of Morrow", "Jessamy Clark"),
    Written("zero_on_order", "Teeth of the Tundra", "Aleksi Virtanen"),
    Written("in_stock", "The Cobbler Who Walked to Saturn", "Hobart Finch"),
    Written("preorder_no_table", "What the Nebula Remembers", "Saoirse Quinn"),
    Written("in_stock", "Lords of the Lichen", "Myrtle Ostrander"),
    Written("in_stock", "The Cinder Path", "Ruben Castellanos", "The Ashen Gate #2"),
    Written("print_on_demand", "Pulp Rockets: Forgotten Stories, 1931–1947", "Various; Ada Stroud (Editor)"),
    Written("in_stock", "Queen of the Quiet Machines", "Zola Mbeki"),
    Written("elsewhere", "The Hare's Inheritance", "Linnet Grey"),
    Written("in_stock", "Nine Hundred Suns", "Arturo Belmonte"),
    Written("preorder_on_hand", "The Salt Crown", "Annelise Corbray", "The Salt Cycle #2"),
    Written("in_stock", "A Brief Theology of Monsters", "Lazarus Kemp"),
    Written("zero_on_order", "The Tin Gods of Tannhäuser", "Jürgen Weiß; Claire Boothby (Translator)"),
    Written("in_stock", "Ash Wednesday on Andromeda", "Father Declan Roe"),
    Written("in_stock", "The Witch-Finder's Apprentice's Cat", "Dorothea Plum"),
    Written("zero_zero", "Signals from a Sunken World", "Neville Strand"),
    Written("in_stock", "The Ferryman Files", "Ione Petrakis"),
    Written("preorder_no_table", "Untitled Thornwood Novel 3", "Elspeth Mackay", "Thornwood #3"),
    Written("in_stock", "Where the Dragons Keep Their Dead", "Orla Fitzgerald"),
)

_ADJECTIVES = (
    *("Silver", "Hollow", "Burning", "Last", "Broken", "Hidden", "Crimson", "Forgotten", "Iron", "Gilded"),
    *(
        "Silent",
        "Endless",
        "Wandering",
        "Frozen",
        "Second",
        "Stolen",
        "Shattered",
        "Patient",
        "Lunar",
        "Wild",
    ),
)
_NOUNS = (
    *("Empire", "Lantern", "Witch", "Starship", "Oracle", "Garden", "Throne", "Comet", "Labyrinth", "Raven"),
    *(
        "Engine",
        "Archivist",
        "Serpent",
        "Citadel",
        "Prophet",
        "Nebula",
        "Duelist",
        "Automaton",
        "Tide",
        "Wolf",
    ),
)
_PLACES = (
    *(
        "Arcturus",
        "the Marsh",
        "Vesper",
        "the Deep",
        "Callisto",
        "Midwinter",
        "the North",
        "Ilium",
        "Carcosa",
    ),
    *("Glass", "the Outer Dark", "Salt and Smoke", "Titan", "the Old Wood", "Elsewhere", "Mirrors"),
)
_FIRST = (
    *("Ada", "Boris", "Chiara", "Dev", "Esme", "Felix", "Greta", "Hugo", "Ines", "Jasper", "Kiran", "Lena"),
    *("Milo", "Nadia", "Otto", "Pearl", "Quentin", "Rosa", "Silas", "Thea", "Umar", "Vera", "Wes", "Yara"),
)
_LAST = (
    *(
        "Abbott",
        "Bianchi",
        "Chowdhury",
        "Drake",
        "Eklund",
        "Ferreira",
        "Gallagher",
        "Hale",
        "Ivanov",
        "Jensen",
    ),
    *("Kaur", "Lindgren", "Mbatha", "Nakamura", "Okoye", "Petrov", "Quist", "Rivera", "Sato", "Turner"),
)


def generated(index: int) -> tuple[str, str]:
    """Title and author number `index`, different for each of the first 100,000 and always the same."""
    step, noun = divmod(index, len(_NOUNS))
    step, adjective = divmod(step, len(_ADJECTIVES))
    step, place = divmod(step, len(_PLACES))
    volume = f", Volume {step + 1}" if step else ""
    title = f"The {_ADJECTIVES[adjective]} {_NOUNS[noun]} of {_PLACES[place]}{volume}"
    author = f"{_FIRST[index * 7 % len(_FIRST)]} {_LAST[(index * 11 + index // 24) % len(_LAST)]}"
    return title, author
