//! What a key looks like: `rhp_` and its id, 256 random bits, and a checksum by which scanners know a leaked one.

use std::fmt;

/// How every key begins.
pub const PREFIX: &str = "rhp_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits to the base of 62: of an id, of 256 bits, of 32 bits.
const ID_CHARS: usize = 8;
const SECRET_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;

/// `rhp_`, the id, `_`, the secret, the checksum.
const KEY_CHARS: usize = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS;

/// The public part of a key: what it is called by in lists and logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; ID_CHARS]);

impl KeyId {
    /// An id as it is shown, with its prefix or without.
    pub fn parse(text: &str) -> Option<Self> {
        let id: [u8; ID_CHARS] = text.strip_prefix(PREFIX).unwrap_or(text).as_bytes().try_into().ok()?;
        id.iter().all(|byte| DIGITS.contains(byte)).then_some(Self(id))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The id of a key as its owner sends it; none where the text is not of a key's shape or its checksum is wrong, since
/// somebody mistyped or cut it.
pub fn id_of(text: &str) -> Option<KeyId> {
    let bytes = text.as_bytes();
    if bytes.len() != KEY_CHARS || !text.starts_with(PREFIX) || bytes[PREFIX.len() + ID_CHARS] != b'_' {
        return None;
    }
    let (body, sum) = bytes.split_at(KEY_CHARS - CHECKSUM_CHARS);
    if checksum(body) != sum {
        return None;
    }
    KeyId::parse(text.get(PREFIX.len()..PREFIX.len() + ID_CHARS)?)
}

/// A new key, whole. It is shown once and kept nowhere.
pub struct NewKey(String);

impl NewKey {
    /// A key that nobody has.
    pub fn random() -> Self {
        let id = base62(&random::<ID_CHARS>(), ID_CHARS);
        let secret = base62(&random::<32>(), SECRET_CHARS);
        let text = format!("{PREFIX}{id}_{secret}");
        let sum = checksum(text.as_bytes());
        Self(sum.iter().fold(text, |text, digit| text + char::from(*digit).encode_utf8(&mut [0; 4])))
    }

    pub fn id(&self) -> KeyId {
        id_of(&self.0).expect("it was made of digits and its checksum")
    }

    /// The key itself: for its owner only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// It never shows its secret.
impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_…", self.id())
    }
}

/// CRC-32 of the rest of the key, in digits.
fn checksum(body: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let mut rest = crc32fast::hash(body);
    let mut digits = [DIGITS[0]; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// The number in `bytes` in `chars` digits, the highest first; what does not fit is left out.
fn base62(bytes: &[u8], chars: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![DIGITS[0]; chars];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Random bytes from the system.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("every system that this runs on has randomness");
    bytes
}
