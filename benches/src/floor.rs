//! What the machine charges for the two things a chat server cannot do without: a `send` for a delivery, a sync for a commit.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::load::sys;

/// Bytes of a frame.
const FRAME: usize = 132;

/// CPU microseconds of one `send` of a 132-byte frame on loopback, round robin over so many sockets, one thread.
///
/// # Errors
/// The sockets cannot be made.
pub fn send_us(sockets: usize, server_core: usize, client_core: usize, time: Duration) -> anyhow::Result<f64> {
    sys::raise_nofile();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..sockets {
        let theirs_now = TcpStream::connect(address)?;
        let (ours_now, _) = listener.accept()?;
        ours_now.set_nodelay(true)?;
        ours_now.set_nonblocking(true)?;
        theirs_now.set_nonblocking(true)?;
        ours.push(ours_now);
        theirs.push(theirs_now);
    }
    let got = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (got, stop) = (Arc::clone(&got), Arc::clone(&stop));
        std::thread::spawn(move || {
            sys::pin(client_core);
            read_all(&theirs, &got, &stop);
        })
    };
    // A thread of its own, so that the caller stays where it was.
    let sender = std::thread::spawn(move || {
        sys::pin(server_core);
        send_all(&ours, &got, time)
    });
    let spent = sender.join().map_err(|_panic| anyhow::anyhow!("the sender failed"))?;
    stop.store(true, Ordering::Relaxed);
    reader.join().map_err(|_panic| anyhow::anyhow!("the reader failed"))?;
    Ok(spent)
}

fn send_all(sockets: &[TcpStream], got: &AtomicU64, time: Duration) -> f64 {
    let frame = [b'x'; FRAME];
    let (mut bytes, mut sends, mut spent) = (0u64, 0u64, 0.0);
    let round = (sockets.len() * FRAME) as u64;
    let began = Instant::now();
    while began.elapsed() < time {
        let before = sys::thread_cpu();
        for mut socket in sockets {
            if let Ok(n) = socket.write(&frame) {
                bytes += n as u64;
                sends += 1;
            }
        }
        spent += sys::thread_cpu() - before;
        // The reader stays within two rounds; waiting is not charged.
        while bytes > got.load(Ordering::Relaxed) + 2 * round && began.elapsed() < time {
            std::thread::sleep(Duration::from_micros(30));
        }
    }
    spent / sends.max(1) as f64 * 1e6
}

fn read_all(sockets: &[TcpStream], got: &AtomicU64, stop: &AtomicBool) {
    unsafe {
        let epoll = libc::epoll_create1(0);
        for socket in sockets {
            let fd = socket.as_raw_fd();
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
            libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event);
        }
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 1024];
        let mut buffer = vec![0u8; 1 << 18];
        while !stop.load(Ordering::Relaxed) {
            let n = libc::epoll_wait(epoll, events.as_mut_ptr(), 1024, 20);
            for event in &events[..n.max(0) as usize] {
                let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
                let r = libc::recv(event.u64 as i32, buffer.as_mut_ptr().cast(), buffer.len(), flags);
                if r > 0 {
                    got.fetch_add(r as u64, Ordering::Relaxed);
                }
            }
        }
        libc::close(epoll);
    }
}

/// Median and 99th percentile of appending 4 KiB to a file in this directory and syncing it, in microseconds.
///
/// # Errors
/// The file cannot be written.
pub fn sync_us(directory: &Path, time: Duration) -> anyhow::Result<(f64, f64)> {
    let mut file = tempfile::tempfile_in(directory)?;
    let page = [7u8; 4096];
    let mut took = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time || took.len() < 20 {
        let one = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        took.push(one.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_unstable_by(f64::total_cmp);
    Ok((took[took.len() / 2], took[took.len() * 99 / 100]))
}
