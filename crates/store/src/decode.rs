//! From stored words back to the vocabulary's types.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};

/// The value whose name in serde is `word`. An unknown word is an error about `column` that does not repeat it.
pub(crate) fn decoded<'w, T: Deserialize<'w>>(column: &str, word: &'w str) -> Result<T, sqlx::Error> {
    T::deserialize(StrDeserializer::<Error>::new(word)).map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the stored word has no meaning to this version".into(),
    })
}
