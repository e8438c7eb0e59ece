//! The driver's connections send at once.
//!
//! The driver leaves Nagle's algorithm on and writes a message of more than 8 KiB in parts. The last part then waits for
//! the server's acknowledgement of the first, which the kernel delays: where both are on one machine, by 40 ms for each
//! statement with some hundred rows. The driver neither sets `TCP_NODELAY` nor hands out its sockets, so it is set from
//! outside, on the sockets of this process whose other end has the server's port. Linux only; elsewhere, and where the
//! system forbids it, everything works, and waits. To be deleted when the driver sets it.
//!
//! What must never happen here: a duplicate of a file that is no socket is closed. That would drop every POSIX lock that
//! the process has on the file, and SQLite's are such.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The port of a URI that names none.
const PORT: u16 = 7687;
/// How long a connection that was opened since may be overlooked in a process with few sockets.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many times as long as a look took passes until the next one: a look goes through every open file, and a process may
/// serve thousands of connections.
const REST: u32 = 100;

/// The sockets of the driver's pool.
#[derive(Debug)]
pub(super) struct Sockets {
    port: u16,
    /// When they are looked at again; never where the system forbids it.
    due: Mutex<Option<Instant>>,
}

impl Sockets {
    /// Those that lead to `address`, as in `bolt://db:7687/neo4j`.
    pub(super) fn to(address: &str) -> Self {
        Self { port: port(address), due: Mutex::new(Some(Instant::now())) }
    }

    /// Lets the connections that were opened since send at once; takes a hundredth of the time at most.
    pub(super) fn send_at_once(&self) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            *due = match set_nodelay(self.port) {
                Err(error) if is_forbidden(&error) => {
                    tracing::info!(%error, "statements of more than 8 KiB may wait for an acknowledgement");
                    None
                }
                // Anything else passes: too many open files, a connection that has just ended.
                _ => Some(now + INTERVAL.max(now.elapsed() * REST)),
            };
        }
    }
}

fn is_forbidden(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::Unsupported)
}

fn port(address: &str) -> u16 {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let server = rest.split('/').next().unwrap_or_default();
    let port = server.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    port.and_then(|(_, port)| port.parse().ok()).unwrap_or(PORT)
}

/// Sets `TCP_NODELAY` on every socket of this process whose other end has `port`.
#[cfg(target_os = "linux")]
fn set_nodelay(port: u16) -> std::io::Result<()> {
    use std::net::SocketAddr;

    use rustix::fs::{FileType, fstat};
    use rustix::net::{getpeername, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        if !std::fs::read_link(entry.path())
            .is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:"))
        {
            continue;
        }
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let socket = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(socket) => socket,
            // It was closed meanwhile.
            Err(rustix::io::Errno::BADF) => continue,
            Err(error) => return Err(error.into()),
        };
        // Another file may have taken the number since. Closing a duplicate would drop the locks that SQLite has on it.
        if !fstat(&socket).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_socket()) {
            std::mem::forget(socket);
            continue;
        }
        let peer = getpeername(&socket).ok().flatten().and_then(|peer| SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            sockopt::set_tcp_nodelay(&socket, true)?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set_nodelay(_port: u16) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_uri_or_the_usual_one() {
        assert_eq!(port("bolt://db:7690/neo4j"), 7690);
        assert_eq!(port("neo4j+s://db.plant.example"), 7687);
        assert_eq!(port("bolt://[::1]:7691"), 7691);
        assert_eq!(port("bolt://[::1]"), 7687);
        assert_eq!(port("db:7692"), 7692);
    }

    /// Locks of this process on a file, as another process sees them.
    #[cfg(target_os = "linux")]
    #[test]
    fn locks_on_files_stay() {
        use std::os::unix::fs::MetadataExt as _;

        use rustix::fs::{FlockOperation, fcntl_lock};

        let file = tempfile::tempfile().unwrap();
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        let inode = format!(":{} ", file.metadata().unwrap().ino());
        let is_locked =
            || std::fs::read_to_string("/proc/locks").unwrap().lines().any(|lock| lock.contains(&inode));
        assert!(is_locked());
        Sockets::to("bolt://db").send_at_once();
        assert!(is_locked());
        // What it guards against.
        drop(file.try_clone().unwrap());
        assert!(!is_locked());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn connections_to_the_port_send_at_once_and_others_are_left_alone() {
        use std::net::{TcpListener, TcpStream};

        let [server, other] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let connect = |to: &TcpListener| TcpStream::connect(to.local_addr().unwrap()).unwrap();
        let (early, elsewhere) = (connect(&server), connect(&other));
        let sockets = Sockets::to(&format!("bolt://{}/neo4j", server.local_addr().unwrap()));
        sockets.send_at_once();
        assert!(early.nodelay().unwrap());
        assert!(!elsewhere.nodelay().unwrap());
        let late = connect(&server);
        std::thread::sleep(INTERVAL * 5);
        sockets.send_at_once();
        assert!(late.nodelay().unwrap());
    }
}
