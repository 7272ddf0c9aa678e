//! PURE. What texts of people may hold: nothing that hides, and nothing that shows nothing.

/// Controls, bidirectional controls, and characters that take no room. The joiners U+200C and U+200D stay, since
/// names in Persian and several Indic scripts are misspelt without them.
pub fn is_hidden(character: char) -> bool {
    (character.is_control() && !matches!(character, '\t'))
        || matches!(
            character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'
                ..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFF}'
                | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}'
        )
}

/// The same in a sentence or a title, where variation selectors choose between a letter and a picture of it.
pub fn is_hidden_in_words(character: char) -> bool {
    is_hidden(character) && !matches!(character, '\u{FE0E}' | '\u{FE0F}')
}

/// Whether nothing of a text shows: white space, and what Unicode calls `Default_Ignorable_Code_Point`.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
                | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
                | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
    })
}
