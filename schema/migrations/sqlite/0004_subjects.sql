-- What has steps with outside effects: certificates, authorities. One index says what is due next, whatever its kind.
-- look_again is null where nothing is due until somebody wakes it.
create table subject (
  kind       text not null,
  name       text not null,
  look_again integer,
  primary key (kind, name)
) strict, without rowid;
create index subject_due on subject (look_again, kind, name) where look_again is not null;
insert into subject (kind, name, look_again)
  select 'certificate', name, case when orphaned = 0 then look_again end from managed;
insert into subject (kind, name, look_again) select 'authority', name, look_again from authority;
drop index managed_due;
alter table managed drop column look_again;
drop index authority_due;
alter table authority drop column look_again;

-- The fault by its name; 1 where no repetition can help, only a person.
alter table attempt add column fault text not null default '';
alter table attempt add column needs_operator integer not null default 0;

-- Who asked, and how it ended: '' while open, then 'done', 'failed' or 'cancelled'.
alter table intent add column actor text not null default '';
alter table intent add column outcome text not null default '';
alter table intent add column revoke integer not null default 0;
alter table intent add column delete_keys integer not null default 0;
update intent set outcome = 'done' where done_at is not null;

-- What the target was when it was last deployed to, as the normal form says it: what has left the config is taken away
-- by that.
alter table deployment add column spec text not null default '';
-- Where something stands as long as what was deployed does, one path a line; '' where the kind knows none.
alter table deployment add column paths text not null default '';
update deployment set spec = coalesce(
  (select json_extract(managed.spec, '$.deploy."' || deployment.target || '"') from managed
   where managed.name = deployment.owner and json_valid(managed.spec)), '') where artifact = 'version';
-- Former places of a target that is now somewhere else, until they are emptied.
create table former_place (
  id       integer primary key,
  artifact text not null,
  owner    text not null,
  target   text not null,
  spec     text not null,
  left_at  integer not null
) strict;
create index former_place_owner on former_place (artifact, owner);

-- A deployment that was begun is begun again: "staged" says from now on that everything is.
update deployment set state = 'failed', problem = 'it was interrupted' where state = 'staged';
update attempt set step = 'crl' where step = 'sign-crl';
create index managed_orphaned on managed (name) where orphaned = 1;
