//! Every bound, with its unit and its reason.

use std::time::Duration;

/// Bytes of one definition file. A thousand documented features take about 200 KiB.
pub const DEFINITION_FILE_BYTES_MAX: u64 = 1 << 20;

/// Definition files of a project. More are a mistake in the path.
pub const DEFINITION_FILES_MAX: usize = 1_000;

/// Levels of nesting in a definition file. The deepest definition has five.
pub const DEFINITION_DEPTH_MAX: usize = 32;

/// Characters of a name. It becomes a folder, a column and a part of a URL.
pub const NAME_CHARS_MAX: usize = 64;

/// Bytes of one statement. A page of SQL is 4 KiB; the parser's memory grows with the text.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// Operators of one statement. DataFusion's planner recurses over a chain of them, and 500 overflow a default stack.
pub const STATEMENT_OPERATORS_MAX: usize = 250;

/// Open brackets at one point of a statement, for the same reason.
pub const STATEMENT_DEPTH_MAX: usize = 50;

/// Hits of which one key may say something: a state database of a thousand keys that do is some ten gigabytes.
pub const FEEDBACK_OF_A_KEY_MAX: i64 = 100_000;

/// Calls of `search` in one statement: 200 rows each become part of it.
pub const SEARCH_CALLS_MAX: usize = 4;

/// Parameters of one statement.
pub const STATEMENT_PARAMETERS_MAX: usize = 1_000;

/// Bytes of the stack of each worker thread: room for the planner at the bounds above, many times over.
pub const THREAD_STACK_BYTES: usize = 32 << 20;

/// Bytes of one line of a source file. The longest text known to us has 300 KiB; a longer line is a broken file.
pub const SOURCE_LINE_BYTES_MAX: usize = 16 << 20;

/// Rows of a source file that are held while they are converted; Arrow batches of this size stay in the cache.
pub const SOURCE_BATCH_ROWS: usize = 8_192;

/// Rows of an ingest up to which those that are there already are looked up by their keys; above it, everything is read
/// once.
pub const LOOKED_UP_ROWS_MAX: u64 = 4_096;

/// Changed rows of an input up to which a build recomputes only the rows of a view that come from them. They are held in
/// memory.
pub const CHANGED_ROWS_MAX: usize = 50_000;

/// Rows of one batch that a build computes and writes.
pub const BUILD_BATCH_ROWS: usize = 1_024;

/// Entities in one batch. Ten thousand rows of a wide view are about 10 MiB, half of what an ingress lets through.
pub const BATCH_ENTITIES_MAX: usize = 10_000;

/// Bytes for sessions that plan and hold no rows.
pub const PLANNING_MEMORY_BYTES: usize = 64 << 20;

/// Releases that are looked through for a version of a feature. A store that is cleaned up keeps ten and the tagged.
pub const RELEASES_SEARCHED_MAX: usize = 100;

/// Features of one selection. Wider answers are downloads.
pub const SELECTION_FEATURES_MAX: usize = 1_000;

/// Bytes of a request's body: a batch of the longest keys fits.
pub const REQUEST_BODY_BYTES_MAX: usize = 2 << 20;

/// Bytes of the rows of a training set that are sent with a request: a million rows with short keys fit.
pub const TRAINING_BODY_BYTES_MAX: usize = 64 << 20;

/// Bytes of rows that are sent to a source with one request.
pub const INGEST_BODY_BYTES_MAX: usize = 64 << 20;

/// Requests that are worked on at once. More wait in the kernel's queue or are answered 503.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 512;

/// How long a request may take, downloads' bodies excepted. A statement has its own, shorter limit.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// Requests of one key that are worked on at once, so that one whose bodies come slowly leaves room for the others.
pub const REQUESTS_OF_A_KEY_IN_FLIGHT_MAX: usize = 128;

/// Connections that are open at once, as far as the system's limit of open files allows. Each costs some 10 KiB.
pub const CONNECTIONS_MAX: usize = 8_192;

/// How long a connection may take for its first request's head, and for the handshake before it.
pub const FIRST_REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a connection may stay without a request, or take for the head of the next one.
pub const IDLE_CONNECTION_TIME_MAX: Duration = Duration::from_secs(75);

/// How long the next piece of a request's body may take.
pub const BODY_PIECE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the other side may take nothing of an answer.
pub const STALLED_ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// Bytes of a request's head: a selection of hundreds of features fits.
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 << 10;

/// Streams of an HTTP/2 connection at once.
pub const STREAMS_MAX: u32 = 128;

/// How often the certificate's files are looked at.
pub const CERTIFICATE_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Seconds after which a caller is told to ask again for what is not to be had, where nothing else is known.
pub const UNAVAILABLE_RETRY_SECONDS: u64 = 5;

/// For how long keys that have ended are at hand, so that whoever still shows one costs no query. Hours.
pub const ENDED_KEY_HOURS: i64 = 1;

/// How long a shutdown waits for requests in flight. Orchestrators kill after 30 seconds.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);

/// How often a server looks for a new release.
pub const RELEASE_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Releases that a server holds open: `latest`, one on the way out, and a few that somebody asked for by number.
pub const OPEN_RELEASES_MAX: u64 = 4;

/// Rows in flight and selections that are remembered per release.
pub const COMPILED_SELECTIONS_MAX: u64 = 1_024;

/// Bytes of the parameters of a lookup that are remembered with what they ask for: the names of a hundred features.
pub const LOOKUP_PARAMETERS_BYTES_MAX: usize = 4 << 10;

/// Bytes of all downloads that are kept. Older ones are removed first, and made again when asked for.
pub const EXPORT_BYTES_MAX: u64 = 8 << 30;

/// Downloads that are being written at once. Each scans a release.
pub const EXPORTS_AT_ONCE_MAX: usize = 2;

/// Faults that `check` prints. Past them the first ones are worth mending.
pub const DIAGNOSTICS_MAX: usize = 200;

/// Bytes of Lance's caches of indexes and of metadata.
pub const LANCE_INDEX_CACHE_BYTES: usize = 256 << 20;
/// See [`LANCE_INDEX_CACHE_BYTES`].
pub const LANCE_METADATA_CACHE_BYTES: usize = 128 << 20;

/// Bytes that one Lance scan reads ahead. Its own default is 2 GiB, outside every pool.
pub const LANCE_SCAN_BUFFER_BYTES: u64 = 128 << 20;

/// Bytes that one scan in the order of key and time reads ahead: a training set has one for each view behind it.
pub const LANCE_ORDERED_SCAN_BUFFER_BYTES: u64 = 32 << 20;

/// Rows of a row group of a Parquet view: what is read or left out at once.
pub const PARQUET_ROW_GROUP_ROWS: usize = 64 << 10;

/// Bytes of a gap between two reads of one object over which they become one request: a round trip costs more.
pub const STORE_READ_MERGE_BYTES: usize = 64 << 10;

/// Requests of Lance to a remote object store at once.
pub const STORE_REQUESTS_AT_ONCE_MAX: usize = 64;

/// How often Lance begins a read anew that broke off, on top of the retries of the object store's client.
pub const STORE_REREADS_MAX: usize = 3;

/// Small fragments of a dataset; a build that leaves more makes them one. Each costs a scan an object to open.
pub const SMALL_FRAGMENTS_MAX: usize = 16;

/// A fragment is small when it holds less than one part in so many of the rows.
pub const SMALL_FRAGMENT_SHARE: usize = 16;

/// Rows whose numbers are sorted for a feature's statistics; of more, every k-th. A million take 8 MiB and 0.1 s.
pub const STATISTICS_SAMPLE_ROWS_MAX: usize = 1_000_000;

/// Different values up to which the commonest are told: more are no categories.
pub const STATISTICS_CATEGORIES_MAX: usize = 1_000;

/// Bytes of a text that may be told as one of the commonest values. Longer ones are content.
pub const STATISTICS_TEXT_BYTES_MAX: usize = 64;

/// Values that are read at once for statistics: 128 MiB of numbers.
pub const STATISTICS_VALUES_MAX: u64 = 16 << 20;

/// Rows that are told of those that are not as expected. The rest is counted.
pub const TOLD_ROWS_MAX: usize = 5;

/// Lines of a stanza that is one. The longest named stanza forms have fourteen to sixteen.
pub const STANZA_LINES_MAX: usize = 16;

/// Stanzas of one text that have vectors of their own. The longest ballads have some two hundred.
pub const TEXT_STANZAS_MAX: usize = 256;

/// Sentences of a text that have a vector each: 1 MiB of them where a vector has 512 numbers.
pub const TEXT_SENTENCES_MAX: usize = 512;

/// Pieces of a text that the default model reads: 6,000 words. More add little to an average, and each takes memory.
pub const MODEL_TEXT_PIECES_MAX: usize = 8_192;

/// Pieces of texts whose different pieces the default model holds at once: some ten thousand, 15 KiB each.
pub const MODEL_GROUP_PIECES: usize = 131_072;

/// Pieces that a core computes at once with the default model. Each takes up to 8 KiB: more leave the cache.
pub const MODEL_BATCH_PIECES: usize = 4_096;

/// Texts that a BERT computes at once. Twelve heads over 512 tokens take 12 MiB a text.
pub const MODEL_BATCH_TEXTS: usize = 32;

/// Times that a model's service is asked for the same texts.
pub const ENDPOINT_ATTEMPTS_MAX: u32 = 5;

/// The longest wait between two of them.
pub const ENDPOINT_WAIT_MAX: Duration = Duration::from_secs(30);

/// Bytes of a text that is analyzed while the caller waits. The longest text known to us has 300 KiB.
pub const ANALYZED_TEXT_BYTES_MAX: usize = 1 << 20;

/// Texts of one request for embeddings.
pub const EMBEDDED_TEXTS_MAX: usize = 1_000;

/// Candidates of each leg of a search: so many hits it has at most, page by page.
pub const SEARCH_CANDIDATES: usize = 200;

/// Words of a search's texts that have vectors: 50 MB of them where a vector has 512 numbers.
pub const RELATED_WORDS_MAX: u32 = 100_000;

/// Words that a model is given at once.
pub const WORDS_EMBEDDED_AT_ONCE: usize = 1_000;

/// Words of a query that are read as others, or looked for by others too. What it has more of is looked for as it is.
pub const EXPANDED_QUERY_WORDS_MAX: usize = 32;

/// Pieces that are looked at for recommendations: so many that features bring near, and so many for each vector.
pub const RECOMMENDATION_CANDIDATES: usize = 500;

/// Pieces that recommendations are like, values that they are like, and pieces that are left out, of each: all rows are compared
/// with each.
pub const RECOMMENDATION_EXAMPLES_MAX: usize = 50;

/// Searches of one batch.
pub const SEARCHES_OF_BATCH_MAX: usize = 100;

/// Searches of a batch that run side by side: more would keep others waiting.
pub const SEARCHES_AT_ONCE_MAX: usize = 2;

/// Rows whose terms are counted before others are answered: some milliseconds.
pub const SEARCH_ROWS_AT_ONCE: u32 = 256;

/// Conditions and values of a filter in JSON.
pub const SEARCH_FILTER_PARTS_MAX: usize = 250;

/// Characters of a query. Longer ones are texts, which `POST /api/analyze` takes.
pub const SEARCH_QUERY_CHARS_MAX: usize = 2_000;

/// Lines of a hit that are shown.
pub const HIGHLIGHT_LINES_MAX: usize = 10;

/// Characters of a line that is shown; a longer one is cut into sentences, and these into pieces.
pub const HIGHLIGHT_CHARS_MAX: usize = 200;

/// Characters that are shown of a hit whose text is restricted: the length of a quotation.
pub const HIGHLIGHT_RESTRICTED_CHARS_MAX: usize = 90;

/// Characters before and behind a word that a highlight marks: room for a tag with a class.
pub const HIGHLIGHT_MARK_CHARS_MAX: usize = 64;

/// Candidates of a search whose words are compared with those of the query, where texts do not have these.
pub const SEARCH_RERANKED: usize = 100;

/// Lines of all hits of a page that are compared with a query by their meaning: some 0.2 s of a model.
pub const HIGHLIGHT_LINES_EMBEDDED_MAX: usize = 96;

/// Rows from which vectors have an index. Below, all are compared, which takes some milliseconds and misses none.
pub const VECTOR_INDEX_ROWS_MIN: usize = 100_000;

/// Vectors that an index of them looks at for each that is asked for.
pub const VECTOR_CANDIDATES_FACTOR: usize = 4;

/// Rows of a part of an index of vectors.
pub const VECTOR_PARTITION_ROWS: usize = 250_000;

/// The nearest entities that an analysis names.
pub const NEAREST_MAX: usize = 100;

/// Texts without a value that a view's rejects name: of more the rest is only counted, as nulls.
pub const FAULTS_KEPT_MAX: usize = 10_000;

/// Texts of one job.
pub const JOB_ROWS_MAX: usize = 100_000;

/// Bytes of the texts of one job: some 40,000 lyrics.
pub const JOB_BODY_BYTES_MAX: usize = 64 << 20;

/// Texts of a chunk: what a worker does at once takes about a second, and is what a crash costs.
pub const JOB_CHUNK_ROWS: usize = 128;

/// Seconds for which a chunk is a worker's; it renews them.
pub const JOB_LEASE_SECONDS: i64 = 30;

/// Workers that a chunk may end before its job counts as failed.
pub const JOB_CHUNK_ATTEMPTS_MAX: i64 = 5;

/// Jobs that are not done.
pub const JOBS_OPEN_MAX: i64 = 100;

/// Jobs of a list.
pub const JOBS_LISTED_MAX: u32 = 100;

/// How often a worker without work looks whether another process submitted a job.
pub const JOB_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often somebody who follows a job's progress is told of it.
pub const JOB_PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// How often jobs that ended long ago are removed.
pub const JOB_TIDY_INTERVAL: Duration = Duration::from_secs(3_600);

/// Parts in which a process takes a quota from the state database: a hundredth is a round trip in a hundred requests at most,
/// and all that a crash loses.
pub const QUOTA_LEASE_PARTS: u64 = 100;

/// Seconds for which a quota that was found spent is believed to be.
pub const QUOTA_EMPTY_SECONDS: i64 = 5;

/// How often a process looks for changed keys and writes down what was used: how long another process's revocation takes.
pub const ACCESS_SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Microseconds by which the clocks of two processes may differ before one misses a key that the other changed.
pub const CLOCK_SKEW_MICROS: i64 = 60_000_000;

/// Well-formed keys that nobody has whose absence a process looks up in a second; more are refused unseen.
pub const KEY_LOOKUPS_PER_SECOND: u32 = 50;

/// Characters of a key's name.
pub const KEY_NAME_CHARS_MAX: usize = 100;

/// Periods that trends cut time into where it is not said how: more are hard to see.
pub const TREND_PERIODS_DEFAULT: i64 = 60;

/// Periods of trends: days of more than two years.
pub const TREND_PERIODS_MAX: usize = 1_000;

/// Groups of trends, each of which is a panel of a chart.
pub const TREND_GROUPS_MAX: usize = 50;

/// Rows of trends: some 10 MiB of JSON.
pub const TREND_ROWS_MAX: usize = 50_000;

/// Periods of all lines of trends together, drawn or looked at: some 100 MiB.
pub const TREND_CELLS_MAX: usize = 1_000_000;

/// Values of trends that are shown, and of those that rise or fall.
pub const TREND_VALUES_MAX: usize = 100;

/// Periods that are taken together so that a line is smooth.
pub const TREND_SMOOTH_MAX: usize = 101;

/// Pieces from which it is told whether a value rises or falls: the test rests on sums that are near to normal.
pub const TREND_COUNT_MIN: f64 = 20.0;

/// Pieces with a value, and without it, from which it is told how it goes with a measure: the test rests on sums that are near
/// to normal.
pub const PATTERN_PIECES_MIN: usize = 20;

/// Patterns that are told.
pub const PATTERNS_MAX: usize = 500;

/// Rows of a report of usage.
pub const USAGE_ROWS_MAX: i64 = 10_000;

/// Bytes of a token. A link in it may be as long as a URL.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Tokens whose signature need not be verified again.
pub const TOKENS_REMEMBERED_MAX: u64 = 10_000;

/// Bytes of an order to a worker: a statement, its parameters, the names of features.
pub const SANDBOX_ORDER_BYTES_MAX: usize = 4 << 20;

/// Bytes that a worker sends at once: a batch of rows. The longest texts have 300 KiB, a batch 8,192 rows.
pub const SANDBOX_FRAME_BYTES_MAX: usize = 1 << 30;

/// Statements that wait for a worker. More would wait longer than their callers do.
pub const SANDBOX_QUEUE_MAX: usize = 64;

/// How long a statement waits for a worker.
pub const SANDBOX_QUEUE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long it may take until a worker that has closed its socket is gone.
pub const SANDBOX_END_TIME_MAX: Duration = Duration::from_secs(1);

/// How long a worker may take to open its release.
pub const SANDBOX_START_TIME_MAX: Duration = Duration::from_secs(60);

/// Bytes of addresses that a worker may take besides what a statement may: stacks of threads, the allocator's reserves.
pub const SANDBOX_SLACK_BYTES: u64 = 1 << 30;

/// Days after which a key may expire: a century. Later is never.
pub const KEY_DAYS_MAX: u32 = 36_500;

/// Hours for which a key that was replaced may stay good: a year.
pub const ROTATION_HOURS_MAX: u32 = 8_760;
