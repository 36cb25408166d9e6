-- What is remembered of each file of the config: the digest of the text that was last read without a problem ('' where
-- there was one since), and its tables but the certificates, as they were last good, in TOML.
create table config_file (
  path     text primary key,
  digest   text not null,
  settings text not null
) strict, without rowid;
