//! Thin wrappers over libc and /proc.

use std::fs;

pub fn now_ns() -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

pub fn raise_nofile() -> u64 {
    unsafe {
        let mut r: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut r);
        r.rlim_cur = r.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &r);
        r.rlim_cur
    }
}

/// User and system CPU seconds of a process, of threads that have ended too.
pub fn cpu_secs(pid: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let hz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th after it.
    let after = stat.rfind(')').map_or("", |at| &stat[at + 1..]);
    let mut fields = after.split_whitespace().skip(11).filter_map(|x| x.parse::<f64>().ok());
    (fields.next().unwrap_or(0.0) / hz, fields.next().unwrap_or(0.0) / hz)
}

/// CPU seconds of this thread.
pub fn thread_cpu() -> f64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut ts) };
    ts.tv_sec as f64 + ts.tv_nsec as f64 / 1e9
}

pub fn self_cpu() -> f64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut ts) };
    ts.tv_sec as f64 + ts.tv_nsec as f64 / 1e9
}

/// What a process holds in memory, in KiB.
pub fn rss_kib(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let rss = rollup.lines().find(|line| line.starts_with("Rss:"));
    rss.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// Keeps this process on one core.
pub fn pin(core: usize) {
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, std::mem::size_of_val(&set), &set);
    }
}

/// Kernel TCP buffer pages in use machine-wide, in KiB.
pub fn tcp_mem_kib() -> u64 {
    let s = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    for l in s.lines() {
        if l.starts_with("TCP:") {
            let f: Vec<&str> = l.split_whitespace().collect();
            if let Some(i) = f.iter().position(|x| *x == "mem") {
                return f.get(i + 1).and_then(|x| x.parse::<u64>().ok()).unwrap_or(0) * 4;
            }
        }
    }
    0
}

/// Busy seconds and idle seconds of one core, from /proc/stat.
pub fn core_times(core: usize) -> (f64, f64) {
    let s = fs::read_to_string("/proc/stat").unwrap_or_default();
    let hz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    for l in s.lines() {
        let mut f = l.split_whitespace();
        if f.next() == Some(&format!("cpu{core}")) {
            let v: Vec<f64> = f.filter_map(|x| x.parse::<f64>().ok()).collect();
            if v.len() >= 8 {
                let idle = v[3] + v[4];
                let busy = v[0] + v[1] + v[2] + v[5] + v[6] + v[7];
                return (busy / hz, idle / hz);
            }
        }
    }
    (0.0, 0.0)
}

/// The cores this process may use.
pub fn cores() -> Vec<usize> {
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, std::mem::size_of_val(&set), &mut set);
        (0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}
