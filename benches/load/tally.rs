/// What one subscriber was given of what one publisher sent.
#[derive(Clone, Default)]
struct Run {
    next: u32,
    missing: Vec<u32>,
}

/// What one subscriber was given: exact counts, of runs of numbers that begin with 0 for each publisher.
#[derive(Clone, Default)]
pub struct Tally {
    runs: Vec<Run>,
    pub delivered: u64,
    pub doubled: u64,
    pub out_of_order: u64,
}

impl Tally {
    pub fn take(&mut self, publisher: u8, number: u32) {
        let at = usize::from(publisher);
        if self.runs.len() <= at {
            self.runs.resize(at + 1, Run::default());
        }
        let run = &mut self.runs[at];
        if number >= run.next {
            run.missing.extend(run.next..number);
            run.next = number + 1;
            self.delivered += 1;
        } else if let Some(at) = run.missing.iter().position(|&n| n == number) {
            run.missing.swap_remove(at);
            self.delivered += 1;
            self.out_of_order += 1;
        } else {
            self.doubled += 1;
        }
    }

    /// How many are missing, of `sent` by each publisher.
    pub fn lost(&self, sent: &[u32]) -> u64 {
        let lost = |(at, &sent): (usize, &u32)| match self.runs.get(at) {
            Some(run) => u64::from(sent.saturating_sub(run.next)) + run.missing.len() as u64,
            None => u64::from(sent),
        };
        sent.iter().enumerate().map(lost).sum()
    }
}
