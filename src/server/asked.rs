//! The requests that a server got.

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, not decoded.
    pub path: String,
    /// What follows the `?`, not decoded.
    pub query: Option<String>,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
}

impl Asked {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}
