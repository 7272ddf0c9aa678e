//! Making a failing plan shorter: steps are left out while it still fails.

use std::time::{Duration, Instant};

use super::plan::Plan;
use super::run;

/// How often a shorter plan is tried before it counts as one that does not fail: threads are not the same every time.
const TRIES: usize = 3;

/// The shortest plan found in this time that still fails, and its faults; the plan itself when none does.
pub async fn shrink(plan: &Plan, longest: Duration) -> (Plan, Vec<String>) {
    let began = Instant::now();
    let (mut best, mut faults) = (plan.clone(), Vec::new());
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < best.steps.len() {
            if began.elapsed() > longest {
                return (best, faults);
            }
            let shorter = best.without(from, (from + size).min(best.steps.len()));
            match still_fails(&shorter).await {
                Some(found) => (best, faults) = (shorter, found),
                None => from += size,
            }
        }
        size /= 2;
    }
    (best, faults)
}

async fn still_fails(plan: &Plan) -> Option<Vec<String>> {
    for _ in 0..TRIES {
        let ran = tokio::time::timeout(Duration::from_secs(60), run::run(plan)).await;
        let faults = ran.map_or_else(|_| vec!["it did not end".into()], |ran| ran.faults);
        if !faults.is_empty() {
            return Some(faults);
        }
    }
    None
}
