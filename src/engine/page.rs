//! How much one answer may hold.

use super::End;

/// Most bytes of payload in one answer. The message that passes it is left out, unless it is the only one.
pub const ANSWER_BYTES: usize = 1 << 20;

/// Cuts `items` to `limit` and to [`ANSWER_BYTES`], and returns whether there are more.
///
/// The items were read with a limit of `limit + 1` and a budget of [`ANSWER_BYTES`], oldest first for [`End::Newest`]. What is too much
/// is cut off at the end that was read last.
pub fn cut<T>(items: &mut Vec<T>, limit: usize, end: End, bytes: impl Fn(&T) -> usize) -> bool {
    let mut total = 0;
    let mut fits = |item: &T| {
        let is_first = total == 0;
        total += bytes(item);
        is_first || total <= ANSWER_BYTES
    };
    let kept = match end {
        End::Oldest => items.iter().take(limit).take_while(|item| fits(item)).count(),
        End::Newest => items.iter().rev().take(limit).take_while(|item| fits(item)).count(),
    };
    let has_more = kept < items.len() || total >= ANSWER_BYTES;
    match end {
        End::Oldest => items.truncate(kept),
        End::Newest => drop(items.drain(..items.len() - kept)),
    }
    has_more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_by_count_and_by_bytes() {
        let half = ANSWER_BYTES / 2;
        // What was read, the limit, the end; what is left, and whether there is more.
        type Row<'a> = (&'a [usize], usize, End, &'a [usize], bool);
        let rows: [Row; 8] = [
            (&[], 2, End::Oldest, &[], false),
            (&[1, 2], 2, End::Oldest, &[1, 2], false),
            (&[1, 2, 3], 2, End::Oldest, &[1, 2], true),
            (&[1, 2, 3], 2, End::Newest, &[2, 3], true),
            (&[half, half - 1, 2], 9, End::Oldest, &[half, half - 1], true),
            (&[2, half, half - 1], 9, End::Newest, &[half, half - 1], true),
            (&[half - 1, half], 9, End::Newest, &[half - 1, half], false),
            (&[3 * half], 9, End::Oldest, &[3 * half], true),
        ];
        for (read, limit, end, expected, has_more) in rows {
            let mut items = read.to_vec();
            assert_eq!(cut(&mut items, limit, end, |&bytes| bytes), has_more, "{read:?}");
            assert_eq!(items, expected, "{read:?}");
        }
    }
}
