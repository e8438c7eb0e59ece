//! How often, and how soon, a copy tries again what may pass.

use std::time::Duration;

use super::MirrorError;

const DELAY_MIN: Duration = Duration::from_millis(100);
const DELAY_MAX: Duration = Duration::from_secs(5);
/// Tries without getting on, after which a copy with an end gives up: some 20 s.
const TRIES_MAX: u32 = 10;

/// Tries without getting on.
pub(super) struct Retries {
    has_end: bool,
    tries: u32,
    delay: Duration,
}

impl Retries {
    /// For a copy that gives up at some time, or never.
    pub(super) const fn new(has_end: bool) -> Self {
        Self { has_end, tries: 0, delay: DELAY_MIN }
    }

    /// The copy got on.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::new(self.has_end);
    }

    /// How long to wait before the next try, of which `tell` tells; the error where there is none.
    pub(super) fn next(
        &mut self,
        error: MirrorError,
        tell: impl FnOnce(&MirrorError),
    ) -> Result<Duration, MirrorError> {
        self.tries += 1;
        if !error.may_pass() || (self.has_end && self.tries >= TRIES_MAX) {
            return Err(error);
        }
        tell(&error);
        let delay = self.delay;
        self.delay = (delay * 2).min(DELAY_MAX);
        Ok(delay)
    }
}
