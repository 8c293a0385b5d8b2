create table feedback (
    id text primary key,
    key_id text not null,
    search text not null,
    profile text not null,
    query text not null,
    piece text not null,
    verdict text not null,
    experiment text,
    release bigint not null,
    at bigint not null
);

create index feedback_by_key on feedback (key_id);

create index feedback_by_experiment on feedback (experiment);

create table experiment_searches (
    experiment text not null,
    profile text not null,
    key_id text not null,
    searches bigint not null,
    primary key (experiment, profile, key_id)
);
