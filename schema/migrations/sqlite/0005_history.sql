-- The history is two chains of hashes: what the authorities did ('ca', kept for ever), and all else ('run', whose oldest
-- events are taken away behind a seal). What was one chain becomes the second. `id` is the order of all events.
create table chained (
  id      integer primary key,
  chain   text not null,
  number  integer not null,
  at      integer not null,
  actor   text not null,
  action  text not null,
  subject text not null,
  detail  text not null,
  hash    blob not null,
  unique (chain, number)
) strict;
insert into chained (id, chain, number, at, actor, action, subject, detail, hash)
  select number, 'run', number, at, actor, action, subject, detail, hash from event;
drop table event;
alter table chained rename to event;
create index event_subject on event (subject, id);
