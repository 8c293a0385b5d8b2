//! The only reader of `feature_defs/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::limits::{DEFINITION_FILE_BYTES_MAX, DEFINITION_FILES_MAX};

/// The folder of a project's definitions.
pub const FOLDER: &str = "feature_defs";

/// A file as it was read; `path` is relative to the project.
#[derive(Clone, Debug)]
pub struct File {
    pub path: Arc<str>,
    pub text: String,
}

/// Why the definitions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("there is no folder `{0}`; `rhapsode init` makes one")]
    NoFolder(PathBuf),
    #[error("there is no `.yaml` file in `{0}`; a release of nothing is not published")]
    Empty(PathBuf),
    #[error("`{path}` cannot be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{0}` is longer than {DEFINITION_FILE_BYTES_MAX} bytes; split it")]
    TooLong(PathBuf),
    #[error("there are more than {DEFINITION_FILES_MAX} definition files in `{0}`")]
    TooMany(PathBuf),
}

impl LoadError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoFolder(_) | Self::Empty(_) => ErrorKind::NotFound,
            Self::Unreadable { .. } => ErrorKind::Unavailable,
            Self::TooLong(_) | Self::TooMany(_) => ErrorKind::TooLarge,
        }
    }
}

/// Every `.yaml` and `.yml` file under `feature_defs/` of the project, ordered by path.
pub fn load(project: &Path) -> Result<Vec<File>, LoadError> {
    let root = project.join(FOLDER);
    if !root.is_dir() {
        return Err(LoadError::NoFolder(root));
    }
    let mut paths = Vec::new();
    collect(&root, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        return Err(LoadError::Empty(root));
    }
    if paths.len() > DEFINITION_FILES_MAX {
        return Err(LoadError::TooMany(root));
    }
    paths.iter().map(|path| read(project, path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // `file_type` does not follow links, so a loop of folders ends.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(project: &Path, path: &Path) -> Result<File, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > DEFINITION_FILE_BYTES_MAX {
        return Err(LoadError::TooLong(path.to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let shown = path.strip_prefix(project).unwrap_or(path).display().to_string();
    Ok(File { path: shown.into(), text })
}
