-- When an endpoint was last asked for what one handshake does not show; null: never.
alter table place add column further_look integer;

create index finding_rule on finding (rule, place) where closed is null;

-- Files as they were when they were read: what is the same since is not read again. `holds` is what there was to say of
-- one, with the fingerprints of its certificates; empty where there was nothing. `reader` grows when files are read
-- otherwise than before.
create table file (
  path   blob primary key,
  stamp  text not null,
  reader integer not null,
  read   integer not null,
  holds  blob not null
) strict, without rowid;
create index file_read on file (read);
