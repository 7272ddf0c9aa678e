//! Who and where: universities, names, programmes and the places people talk about.

/// Name, slug, city, e-mail domains of students and staff.
pub(super) const UNIVERSITIES: [(&str, &str, &str, &[&str]); 14] = [
    ("Universiteit van Amsterdam", "uva", "Amsterdam", &["student.uva.nl", "uva.nl"]),
    ("Vrije Universiteit Amsterdam", "vu", "Amsterdam", &["student.vu.nl", "vu.nl"]),
    ("Universiteit Leiden", "leiden", "Leiden", &["umail.leidenuniv.nl", "vuw.leidenuniv.nl", "leidenuniv.nl"]),
    ("Universiteit Utrecht", "uu", "Utrecht", &["students.uu.nl", "uu.nl"]),
    ("Rijksuniversiteit Groningen", "rug", "Groningen", &["student.rug.nl", "rug.nl"]),
    ("Technische Universiteit Delft", "tudelft", "Delft", &["student.tudelft.nl", "tudelft.nl"]),
    ("Technische Universiteit Eindhoven", "tue", "Eindhoven", &["student.tue.nl", "tue.nl"]),
    ("Universiteit Twente", "utwente", "Enschede", &["student.utwente.nl", "utwente.nl"]),
    ("Wageningen University & Research", "wur", "Wageningen", &["wur.nl"]),
    ("Radboud Universiteit", "ru", "Nijmegen", &["student.ru.nl", "ru.nl"]),
    ("Universiteit Maastricht", "um", "Maastricht", &["student.maastrichtuniversity.nl", "maastrichtuniversity.nl"]),
    ("Tilburg University", "tilburg", "Tilburg", &["tilburguniversity.edu"]),
    ("Erasmus Universiteit Rotterdam", "eur", "Rotterdam", &["student.eur.nl", "eur.nl"]),
    ("Open Universiteit", "ou", "Heerlen", &["student.ou.nl", "ou.nl"]),
];

/// First name, last name, locale. The two leads come first: one at each of the two universities of Amsterdam.
pub(super) const NAMES: [(&str, &str, &str); 60] = [
    ("Sanne", "de Vries", "nl"),
    ("Luca", "Moretti", "en"),
    ("Daan", "Bakker", "nl"),
    ("Priya", "Raman", "en"),
    ("Fatima", "El Idrissi", "nl"),
    ("Thijs", "van den Berg", "nl"),
    ("Emma", "Jansen", "nl"),
    ("Mehmet", "Yılmaz", "nl"),
    ("Lotte", "Hendriks", "nl"),
    ("Sofía", "Navarro Ruiz", "en"),
    ("Joris", "Smit", "nl"),
    ("Anaïs", "Lefèvre", "en"),
    ("Bram", "Mulder", "nl"),
    ("Yara", "Haddad", "nl"),
    ("Kwame", "Boateng", "en"),
    ("Femke", "Postma", "nl"),
    ("Ravi", "Ramdin", "nl"),
    ("Hannah", "Schneider", "en"),
    ("Jelle", "Dijkstra", "nl"),
    ("Mei", "Lin", "en"),
    ("Noor", "van Dijk", "nl"),
    ("Tomasz", "Kowalczyk", "en"),
    ("Iris", "Visser", "nl"),
    ("Amir", "Hosseini", "nl"),
    ("Julia", "Brouwer", "nl"),
    ("Eoin", "Gallagher", "en"),
    ("Sem", "de Groot", "nl"),
    ("Chidera", "Okafor", "en"),
    ("Roos", "Kuipers", "nl"),
    ("Mateus", "Carvalho", "en"),
    ("Ayşe", "Demir", "nl"),
    ("Lars", "Peters", "nl"),
    ("Elif", "Kaya", "nl"),
    ("Stijn", "Vermeulen", "nl"),
    ("Ioana", "Popescu", "en"),
    ("Tess", "van Leeuwen", "nl"),
    ("Nikos", "Papadakis", "en"),
    ("Anouk", "Willems", "nl"),
    ("Jayden", "Pinas", "nl"),
    ("Katarína", "Nováková", "en"),
    ("Ruben", "Hoekstra", "nl"),
    ("Linh", "Nguyễn", "en"),
    ("Maud", "Jacobs", "nl"),
    ("Omar", "Benali", "nl"),
    ("Astrid", "Lindqvist", "en"),
    ("Gijs", "Schouten", "nl"),
    ("Zeynep", "Arslan", "nl"),
    ("Vera", "Maas", "nl"),
    ("Arjun", "Mehta", "en"),
    ("Floor", "Timmermans", "nl"),
    ("Isabel", "Ferreira", "en"),
    ("Koen", "van Vliet", "nl"),
    ("Naomi", "Rijssel", "nl"),
    ("Oleksandr", "Bondarenko", "en"),
    ("Pleun", "Scholten", "nl"),
    ("Samira", "Azzouzi", "nl"),
    ("Wout", "Verhoeven", "nl"),
    ("Dewi", "Siregar", "nl"),
    ("Jonas", "Weber", "en"),
    ("Marit", "Veenstra", "nl"),
];

/// Programmes, in Dutch and in English.
pub(super) const PROGRAMMES: [(&str, &str); 18] = [
    ("Psychologie", "Psychology"),
    ("Rechtsgeleerdheid", "Law"),
    ("Kunstmatige Intelligentie", "Artificial Intelligence"),
    ("Geneeskunde", "Medicine"),
    ("Bedrijfskunde", "Business Administration"),
    ("Biologie", "Biology"),
    ("Communicatiewetenschap", "Communication Science"),
    ("Econometrie", "Econometrics"),
    ("Geschiedenis", "History"),
    ("Informatica", "Computer Science"),
    ("Politicologie", "Political Science"),
    ("Sociologie", "Sociology"),
    ("Taalwetenschap", "Linguistics"),
    ("Wiskunde", "Mathematics"),
    ("Natuurkunde", "Physics"),
    ("Kunstgeschiedenis", "Art History"),
    ("Planologie", "Urban Planning"),
    ("Filosofie", "Philosophy"),
];

/// What people say of themselves, in Dutch and in English.
pub(super) const BIOS: [(&str, &str); 10] = [
    ("Vroege vogel, kookt graag voor te veel mensen.", "Early bird who likes to cook for too many people."),
    ("Rustig door de week, gezellig in het weekend.", "Quiet on weekdays, good company at weekends."),
    ("Zoekt een huis met een grote tafel.", "Looking for a house with a large table."),
    ("Speelt gitaar, nooit na tienen.", "Plays the guitar, never after ten."),
    ("Roeit, leest en vergeet nooit de afwas.", "Rows, reads and never forgets the dishes."),
    ("Houdt van planten en van stille ochtenden.", "Fond of plants and of silent mornings."),
    ("Bakt brood en deelt het ook.", "Bakes bread and shares it too."),
    ("Netjes, maar niet streng.", "Tidy, but not strict about it."),
    ("Vaak in de bieb, altijd in voor een spelletje.", "Often in the library, always up for a board game."),
    ("Allergisch voor katten, gek op katten.", "Allergic to cats, very fond of cats."),
];

/// A city and what is found there: areas, streets, cafés.
pub(super) type Place = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

pub(super) const PLACES: [Place; 12] = [
    (
        "Amsterdam",
        &["De Pijp", "Oud-West", "de Indische Buurt", "Bos en Lommer", "de Rivierenbuurt"],
        &["Javastraat", "Kinkerstraat", "Van Woustraat", "Admiraal de Ruijterweg"],
        &["koffiezaak op de Dappermarkt", "Coffee Corner", "bakker bij het Muiderpoort"],
    ),
    (
        "Leiden",
        &["de Professorenwijk", "Leiden-Noord", "de Kooi"],
        &["Hooigracht", "Herenstraat", "Haarlemmerstraat"],
        &["koffiebar aan de Nieuwe Rijn", "Molen", "bakker op de Breestraat"],
    ),
    (
        "Utrecht",
        &["Lombok", "Wittevrouwen", "Kanaleneiland", "Zuilen"],
        &["Kanaalstraat", "Amsterdamsestraatweg", "Biltstraat"],
        &["koffiebar bij Ledig Erf", "Vogelenburcht", "bakker op de Voorstraat"],
    ),
    (
        "Groningen",
        &["de Oosterpoort", "Paddepoel", "de Korrewegwijk"],
        &["Korreweg", "Oosterstraat", "Nieuwe Ebbingestraat"],
        &["koffiezaak aan het Zuiderdiep", "Pronkjewail", "bakker bij de Vismarkt"],
    ),
    (
        "Delft",
        &["Voorhof", "de Wippolder", "het Hof van Delft"],
        &["Nassaulaan", "Oude Delft", "Balthasar van der Polweg"],
        &["koffiebar op de Beestenmarkt", "Brandpunt", "bakker aan de Voldersgracht"],
    ),
    (
        "Eindhoven",
        &["Strijp", "Woensel-West", "de Bergen"],
        &["Kruisstraat", "Hoogstraat", "Boschdijk"],
        &["koffiebar op Strijp-S", "Lichttoren", "bakker aan de Kleine Berg"],
    ),
    (
        "Enschede",
        &["Twekkelerveld", "de Laares", "Pathmos"],
        &["Deurningerstraat", "Haaksbergerstraat"],
        &["koffiezaak aan de Oude Markt", "Spinnerij"],
    ),
    (
        "Wageningen",
        &["de Nude", "Noordwest", "het centrum"],
        &["Churchillweg", "Hoogstraat"],
        &["koffiebar in de Hoogstraat", "Uiterwaard"],
    ),
    (
        "Nijmegen",
        &["Bottendaal", "Nijmegen-Oost", "Hatert"],
        &["Willemsweg", "Daalseweg", "Hertogstraat"],
        &["koffiebar aan de Waalkade", "Bottelhuis"],
    ),
    (
        "Maastricht",
        &["Wyck", "Heer", "het Jekerkwartier"],
        &["Brusselsestraat", "Scharnerweg"],
        &["koffiezaak in Wyck", "Sphinxkwartier"],
    ),
    (
        "Tilburg",
        &["het Spoorpark", "Korvel", "de Reit"],
        &["Korvelseweg", "Besterdring"],
        &["koffiebar in de Spoorzone", "Wolwinkel"],
    ),
    (
        "Rotterdam",
        &["Kralingen", "Delfshaven", "Blijdorp", "Crooswijk"],
        &["Oostzeedijk", "Nieuwe Binnenweg", "Bergweg"],
        &["koffiebar op de Oude Haven", "Maaszicht", "bakker bij het Noordplein"],
    ),
];

pub(super) const SHOPS: [&str; 4] = ["supermarkt", "toko", "Albert Heijn", "Jumbo"];
pub(super) const SHOPS_EN: [&str; 4] = ["supermarket", "corner shop", "Albert Heijn", "Jumbo"];
pub(super) const DISHES: [&str; 10] =
    ["lasagne", "curry", "shakshuka", "nasi", "stamppot", "pasta", "chili", "couscous", "ramen", "biryani"];
pub(super) const ITEMS: [&str; 7] =
    ["oplader", "blauwe sjaal", "fietslicht", "koptelefoon", "rekenmachine", "regenjas", "favoriete mok"];
pub(super) const COURSES: [(&str, &str); 8] = [
    ("Statistiek", "Statistics"),
    ("Methoden en Technieken", "Research Methods"),
    ("Lineaire Algebra", "Linear Algebra"),
    ("Micro-economie", "Microeconomics"),
    ("Europees Recht", "European Law"),
    ("Wetenschapsfilosofie", "Philosophy of Science"),
    ("Neurobiologie", "Neurobiology"),
    ("Datastructuren", "Data Structures"),
];
