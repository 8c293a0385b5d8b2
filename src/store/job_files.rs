//! `jobs/<job>/…`: the texts and the results of work in the background. What of it counts, the state database says.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{Store, StoreError};

impl Store {
    /// Writes a file of a job; one that is there already is replaced, in one step.
    pub async fn write_job_file(&self, job: &str, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        self.objects.write(&path(job, name), content).await
    }

    /// A file of a job; none where it is not there.
    pub async fn job_file(&self, job: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.objects.read(&path(job, name)).await
    }

    pub async fn delete_job_file(&self, job: &str, name: &str) -> Result<(), StoreError> {
        self.objects.delete(&path(job, name)).await
    }

    /// Deletes all files of a job.
    pub async fn delete_job_files(&self, job: &str) -> Result<(), StoreError> {
        for (file, _) in self.objects.list(&format!("jobs/{job}")).await? {
            self.objects.delete(&path(job, &file)).await?;
        }
        Ok(())
    }

    /// The jobs all of whose files were written before `before`.
    pub async fn jobs_older_than(&self, before: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let mut old = Vec::new();
        for job in self.objects.folders("jobs").await? {
            let files = self.objects.list_dated(&format!("jobs/{job}")).await?;
            if files.iter().all(|(_, _, at)| *at < before) {
                old.push(job);
            }
        }
        Ok(old)
    }
}

fn path(job: &str, name: &str) -> String {
    format!("jobs/{job}/{name}")
}
