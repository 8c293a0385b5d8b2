create table jobs (
    id text primary key,
    state text not null,
    entity text not null,
    release bigint not null,
    with_vectors bigint not null,
    total_rows bigint not null,
    total_chunks bigint not null,
    failure text,
    created_at bigint not null,
    finished_at bigint
);

create table job_chunks (
    job text not null references jobs (id) on delete cascade,
    chunk bigint not null,
    chunk_rows bigint not null,
    failed_rows bigint not null,
    state text not null,
    attempts bigint not null,
    holder text,
    leased_until bigint,
    primary key (job, chunk)
);

create index job_chunks_by_state on job_chunks (state, leased_until);
