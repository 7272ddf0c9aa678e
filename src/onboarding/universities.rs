//! Where one can study in the Netherlands: research universities, and the larger universities of applied sciences.

/// Slug and name, by slug.
pub const UNIVERSITIES: &[(&str, &str)] = &[
    ("aeres", "Aeres Hogeschool"),
    ("artez", "ArtEZ University of the Arts"),
    ("avans", "Avans Hogeschool"),
    ("buas", "Breda University of Applied Sciences"),
    ("codarts", "Codarts Rotterdam"),
    ("design-academy", "Design Academy Eindhoven"),
    ("eur", "Erasmus Universiteit Rotterdam"),
    ("fontys", "Fontys Hogeschool"),
    ("haagse", "De Haagse Hogeschool"),
    ("han", "Hogeschool van Arnhem en Nijmegen"),
    ("hanze", "Hanzehogeschool Groningen"),
    ("has", "HAS green academy"),
    ("hhs-leiden", "Hogeschool Leiden"),
    ("hku", "HKU University of the Arts Utrecht"),
    ("hr", "Hogeschool Rotterdam"),
    ("hu", "Hogeschool Utrecht"),
    ("hva", "Hogeschool van Amsterdam"),
    ("hz", "HZ University of Applied Sciences"),
    ("inholland", "Hogeschool Inholland"),
    ("leiden", "Universiteit Leiden"),
    ("maastricht", "Universiteit Maastricht"),
    ("nhl-stenden", "NHL Stenden Hogeschool"),
    ("open", "Open Universiteit"),
    ("radboud", "Radboud Universiteit"),
    ("rug", "Rijksuniversiteit Groningen"),
    ("saxion", "Saxion"),
    ("tilburg", "Tilburg University"),
    ("tudelft", "Technische Universiteit Delft"),
    ("tue", "Technische Universiteit Eindhoven"),
    ("twente", "Universiteit Twente"),
    ("utrecht", "Universiteit Utrecht"),
    ("uva", "Universiteit van Amsterdam"),
    ("vhl", "Van Hall Larenstein"),
    ("vu", "Vrije Universiteit Amsterdam"),
    ("windesheim", "Windesheim"),
    ("wur", "Wageningen University & Research"),
    ("zuyd", "Zuyd Hogeschool"),
];

/// Whether there is one with this slug.
pub fn is_known(slug: &str) -> bool {
    UNIVERSITIES.iter().any(|(known, _)| *known == slug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_university_is_there_once() {
        let slugs: BTreeSet<_> = UNIVERSITIES.iter().map(|(slug, _)| slug).collect();
        let names: BTreeSet<_> = UNIVERSITIES.iter().map(|(_, name)| name).collect();
        assert_eq!((slugs.len(), names.len()), (UNIVERSITIES.len(), UNIVERSITIES.len()));
        assert!(is_known("tudelft") && !is_known("hogwarts"));
    }
}
