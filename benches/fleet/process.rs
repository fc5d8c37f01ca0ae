//! Answers of a running operator, and its memory and processor time.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns the answer to a request, or `None` if there is none.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut answer = String::new();
    request(port, path)?.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn request(port: u16, path: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: here\r\n\r\n").as_bytes()).ok()?;
    Some(stream)
}

/// Returns the number of reconciles that ended Ready. It reads only the beginning of the metrics, which is the same for
/// any number of tables.
pub(crate) fn reconciles(port: u16) -> usize {
    let name = "pgpartition_reconcile_total{result=\"ready\"} ";
    let mut beginning = vec![0; 16_384];
    let Some(mut stream) = request(port, "/metrics") else { return 0 };
    let mut length = 0;
    while length < beginning.len() {
        match stream.read(&mut beginning[length..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => length += read,
        }
    }
    let beginning = String::from_utf8_lossy(&beginning[..length]);
    let count = beginning.lines().find_map(|line| line.strip_prefix(name));
    count.and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// A line of `/proc/PID/status`, in MiB.
pub(crate) fn memory(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// The processor time of a process, in user and system mode: fields 14 and 15 of `/proc/PID/stat`, in hundredths of a
/// second.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
