//! Medians, quartiles, and how far a median of ratios can be trusted.

use bench_kit::Rng;

/// A median with the quartiles around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// The median and the quartiles of `values`; none of none.
pub(crate) fn quartiles(values: &[f64]) -> Option<Spread> {
    let sorted = sorted(values);
    Some(Spread {
        low: quantile(&sorted, 0.25)?,
        median: quantile(&sorted, 0.5)?,
        high: quantile(&sorted, 0.75)?,
    })
}

/// The median of `values` and the interval that 95 % of the medians of samples drawn from them
/// again fall into. With fewer than 5 values it is their range.
pub(crate) fn interval(values: &[f64]) -> Option<Spread> {
    const DRAWS: usize = 2000;
    let sorted = sorted(values);
    let median = quantile(&sorted, 0.5)?;
    if sorted.len() < 5 {
        return Some(Spread { low: sorted[0], median, high: sorted[sorted.len() - 1] });
    }
    let mut rng = Rng::new(0);
    let mut medians = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let mut drawn: Vec<f64> =
            (0..sorted.len()).map(|_| sorted[rng.below(sorted.len() as u64) as usize]).collect();
        drawn.sort_by(f64::total_cmp);
        medians.extend(quantile(&drawn, 0.5));
    }
    medians.sort_by(f64::total_cmp);
    Some(Spread { low: quantile(&medians, 0.025)?, median, high: quantile(&medians, 0.975)? })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    // Not for equal ones: there may be numbers too large to subtract.
    Some(if below == above { below } else { below + (above - below) * at.fract() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_values() {
        assert_eq!(quartiles(&[]), None);
        let spread = quartiles(&[4.0, 1.0, 3.0, 2.0, 5.0]).expect("five values");
        assert_eq!(spread, Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(quartiles(&[1.0, 2.0]).expect("two values").median, 1.5);
    }

    #[test]
    fn an_interval_holds_its_median_and_narrows() {
        let noisy: Vec<f64> = (0..9).map(|i| 1.0 + f64::from(i % 3) * 0.1).collect();
        let wide = interval(&noisy).expect("values");
        assert!(wide.low <= wide.median && wide.median <= wide.high && wide.low < wide.high);
        let still = interval(&[1.0; 9]).expect("values");
        assert_eq!(still, Spread { low: 1.0, median: 1.0, high: 1.0 });
        let few = interval(&[1.0, 3.0]).expect("values");
        assert_eq!((few.low, few.high), (1.0, 3.0));
    }
}
