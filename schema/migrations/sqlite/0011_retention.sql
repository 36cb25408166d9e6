-- A certificate that ended long ago is taken away with its names.
create index certificate_name_certificate on certificate_name (certificate);
