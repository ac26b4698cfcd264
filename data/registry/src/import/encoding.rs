//! CSV as people send it: UTF-8 with or without a mark, UTF-16 with a mark, or GB18030 (what office software here
//! saves by default; it contains GBK and GB2312). All become UTF-8 while being read, in constant memory.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

const CHUNK: usize = 64 * 1024;

/// Tells the encoding by reading all of `input` once: a file that is valid UTF-8 throughout is UTF-8. One that is not is
/// GB18030, unless it has more Chinese characters in UTF-8 than broken places: then it is UTF-8 with some damage, and
/// taking it for GB18030 would turn all that is right into other characters without a word.
///
/// # Errors
/// Where reading fails.
pub fn detect(mut input: impl Read) -> io::Result<&'static Encoding> {
    let mut chunk = vec![0; CHUNK];
    let mut carry: Vec<u8> = Vec::new();
    let mut first = true;
    let (mut characters, mut broken) = (0_u64, 0_u64);
    loop {
        let read = input.read(&mut chunk)?;
        if read == 0 {
            broken += u64::from(!carry.is_empty());
            return Ok(if broken == 0 || characters > broken {
                UTF_8
            } else {
                GB18030
            });
        }
        carry.extend(chunk.iter().take(read));
        if first {
            first = false;
            if let Some((encoding, _)) = Encoding::for_bom(&carry) {
                return Ok(encoding);
            }
        }
        let mut cut = Vec::new();
        let mut pieces = carry.utf8_chunks().peekable();
        while let Some(piece) = pieces.next() {
            // Three bytes: what nearly every Chinese character takes, and what GB18030 text hardly ever looks like.
            characters += piece.valid().chars().filter(|c| c.len_utf8() == 3).count() as u64;
            let part = piece.invalid();
            // A character cut by the end of the chunk is not an error yet.
            if pieces.peek().is_none()
                && std::str::from_utf8(part).is_err_and(|error| error.error_len().is_none())
            {
                cut = part.to_vec();
            } else {
                broken += u64::from(!part.is_empty());
            }
        }
        carry = cut;
    }
}

/// The name of an encoding for people.
pub fn name(encoding: &'static Encoding) -> &'static str {
    if encoding == GB18030 {
        "GB18030"
    } else if encoding == UTF_16LE || encoding == UTF_16BE {
        "UTF-16"
    } else {
        "UTF-8"
    }
}

/// Reads `inner` as UTF-8; bytes that mean nothing become U+FFFD, which row checks refuse by name.
pub struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` is not decoded yet.
    pending: std::ops::Range<usize>,
    text: Vec<u8>,
    ready: std::ops::Range<usize>,
    ended: bool,
    done: bool,
}

impl<R: Read> Transcoder<R> {
    pub fn new(inner: R, encoding: &'static Encoding) -> Transcoder<R> {
        Transcoder {
            inner,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; CHUNK],
            pending: 0..0,
            text: vec![0; CHUNK * 3],
            ready: 0..0,
            ended: false,
            done: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.ready.is_empty() && !self.done {
            if self.pending.is_empty() && !self.ended {
                let read = self.inner.read(&mut self.raw)?;
                self.ended = read == 0;
                self.pending = 0..read;
            }
            let source = self.raw.get(self.pending.clone()).unwrap_or_default();
            let (result, read, written, _) = self.decoder.decode_to_utf8(source, &mut self.text, self.ended);
            self.pending.start += read;
            self.ready = 0..written;
            self.done = self.ended && result == encoding_rs::CoderResult::InputEmpty;
        }
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.refill()?;
        let ready = self.text.get(self.ready.clone()).unwrap_or_default();
        let count = ready.len().min(out.len());
        for (to, from) in out.iter_mut().zip(ready) {
            *to = *from;
        }
        self.ready.start += count;
        Ok(count)
    }
}
