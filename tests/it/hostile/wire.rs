//! Requests as bytes, so that nothing between us and the server mends them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value as Json;

/// A request to be sent as it is.
#[derive(Clone, Debug)]
pub struct Ask {
    method: String,
    path: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Ask {
        Ask {
            method: method.into(),
            path: path.as_bytes().to_vec(),
            headers: vec![
                ("Host".into(), b"localhost".to_vec()),
                ("Connection".into(), b"close".to_vec()),
            ],
            body: Vec::new(),
        }
    }

    pub fn bearer(self, token: &str) -> Ask {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Ask {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Query parameters, encoded.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Ask {
        for (index, (name, value)) in pairs.iter().enumerate() {
            self.path.push(if index == 0 { b'?' } else { b'&' });
            self.path.extend(format!("{name}={}", encode(value)).bytes());
        }
        self
    }

    pub fn body(mut self, kind: &str, body: impl AsRef<[u8]>) -> Ask {
        self.body = body.as_ref().to_vec();
        self.header("Content-Type", kind)
    }

    pub fn json(self, body: impl AsRef<[u8]>) -> Ask {
        self.body("application/json", body)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend(&self.path);
        bytes.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend(name.bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).bytes());
        bytes.extend(&self.body);
        bytes
    }
}

pub fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        write!(f, "{} {} {text}", self.status, self.content_type)
    }
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Where it refuses: a problem document that agrees with the status and says something.
    pub fn is_told(&self) -> bool {
        // What is no HTTP is refused before anybody could write a document.
        let no_http = matches!(self.status, 414 | 431) || self.body.is_empty() && self.status == 400;
        if self.status < 400 || no_http {
            return true;
        }
        let problem = self.json();
        self.content_type == "application/problem+json"
            && problem["status"] == self.status
            && problem["detail"]
                .as_str()
                .is_some_and(|text| text.chars().count() >= 5)
    }
}

/// Sends bytes, reads the answer to its end. A server may answer and close before it has read all.
pub fn ask(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let sent = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = writing.write_all(&sent);
    });
    let answer = read(&mut stream);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = writer.join();
    answer
}

pub fn read(stream: &mut TcpStream) -> Answer {
    let mut whole = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    // A reset after the answer loses nothing of it here.
    while let Ok(count) = stream.read(&mut chunk) {
        if count == 0 {
            break;
        }
        whole.extend(&chunk[..count]);
    }
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return Answer {
            status: 0,
            content_type: String::new(),
            body: whole,
        };
    };
    let head = String::from_utf8_lossy(&whole[..end]).to_lowercase();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let mut body = whole[end + 4..].to_vec();
    if header("transfer-encoding:") == "chunked" {
        body = dechunked(&body);
    }
    Answer {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        content_type: header("content-type:"),
        body,
    }
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).unwrap_or(0);
        if size == 0 || rest.len() < end + 2 + size {
            break;
        }
        body.extend(&rest[end + 2..end + 2 + size]);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    body
}
