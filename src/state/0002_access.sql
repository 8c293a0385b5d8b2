create table api_keys (
    id text primary key,
    name text not null,
    hash text not null,
    tier text not null,
    scopes text,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint,
    replaced_by text,
    changed_at bigint not null
);

create index api_keys_by_change on api_keys (changed_at);

create table key_usage (
    key_id text not null,
    day text not null,
    route text not null,
    unit text not null,
    amount bigint not null,
    primary key (key_id, day, route, unit)
);

create table quota_use (
    key_id text not null,
    unit text not null,
    period text not null,
    used bigint not null,
    primary key (key_id, unit, period)
);

create table audit (
    at bigint not null,
    actor text not null,
    action text not null,
    subject text not null
);

create index audit_by_time on audit (at);

alter table jobs add column owner text;

alter table jobs add column restricted bigint not null default 0;
