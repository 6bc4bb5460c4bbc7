//! Letters in other forms: in another case, or decorated.

/// Folds the case of a character in full, so that `ß`, `ẞ` and `SS` are the same.
pub(super) fn case_folded(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The letter that a decorated one stands for, where Unicode has no compatibility form that says so.
pub(super) fn plain(c: char) -> char {
    /// The small capitals of the alphabet, in its order; none for X.
    const SMALL_CAPITALS: &str = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡ\0ʏᴢ";
    let letter = |n: usize| char::from(b'a' + n as u8);
    match c {
        // White on black circles and squares, and the letters that flags are made of.
        '\u{1f150}'..='\u{1f169}' => letter(c as usize - 0x1f150),
        '\u{1f170}'..='\u{1f189}' => letter(c as usize - 0x1f170),
        '\u{1f1e6}'..='\u{1f1ff}' => letter(c as usize - 0x1f1e6),
        c if c.is_ascii() => c,
        c => SMALL_CAPITALS.chars().position(|capital| capital == c).map_or(c, letter),
    }
}

/// Returns whether `c` is one of the letters that flags are made of.
pub(super) fn is_of_a_flag(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}
