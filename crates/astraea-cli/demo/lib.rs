//! Places in a ladder of scores. (This file has a bug; the tests below find it.)

/// The place of `score` among `scores`: 1 is best, and equal scores share a place.
pub fn place(scores: &[u32], score: u32) -> usize {
    let mut better = 0;
    for &other in scores {
        if other >= score {
            better += 1;
        }
    }
    better + 1
}

/// The scores above the mean, in the order given.
pub fn above_mean(scores: &[u32]) -> Vec<u32> {
    if scores.is_empty() {
        return Vec::new();
    }
    let sum: u32 = scores.iter().sum();
    let mean = sum / scores.len() as u32;
    scores.iter().copied().filter(|&score| score > mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_first() {
        assert_eq!(place(&[10, 20, 30], 30), 1);
    }

    #[test]
    fn equal_scores_share_a_place() {
        assert_eq!(place(&[10, 20, 20], 20), 1);
        assert_eq!(place(&[10, 20, 20], 10), 3);
    }

    #[test]
    fn only_scores_above_the_mean() {
        assert_eq!(above_mean(&[1, 2, 6]), vec![6]);
    }
}
