//! Where a partition ends as this process knows it, for those who wait for more.

use tokio::sync::watch;

/// Raises `head` and wakes who waits; it never falls, whichever task saw its position last.
pub(crate) fn raise(head: &watch::Sender<u64>, position: u64) {
    head.send_if_modified(|known| {
        let higher = position > *known;
        *known = position.max(*known);
        higher
    });
}
