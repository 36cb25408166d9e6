#include "base/error.h"
#include "config/fixture.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::config {
namespace {

// A certificate that lacks nothing, with more lines after its own.
std::string certificate(std::string_view more) {
  return fmt::format(
      "[authority.corp]\n[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n{}", more);
}
std::string deployment(std::string_view more) {
  return certificate(fmt::format("[certificate.www.deploy.nginx]\n{}", more));
}
std::string files(std::string_view more) {
  return deployment(fmt::format("type = \"files\"\ndirectory = \"/srv/tls\"\n{}", more));
}
std::string profile(std::string_view more) {
  return fmt::format("[profile.device]\nusage = [\"clientAuth\"]\n{}", more);
}

TEST_CASE("a config that is right has no problem") {
  const std::string accepts[] = {
      "",
      "# nothing but a comment",
      "config_version = 1",
      "\xef\xbb\xbf"
      "config_version = 1\r\nkeep = 3\r\n",
      "state = \"postgresql://db/everseal\"",
      "keep = 1\nworkers = 256",
      "proxy = \"http://proxy.example.org:3128\"\nproxy_password_file = \"credential:proxy\"",
      certificate(""),
      certificate("environment = \"prod\"\nprofile = \"server\"\nkey = \"ed25519\"\nsubject = \"O=Acme, "
                  "CN=x\"\nlifetime = \"24h\""),
      certificate("profile = \"device\"\n") + profile(""),
      "[certificate.\"www.example.org\"]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n[authority.corp]",
      "[certificate.alice]\nsubject = \"CN=alice\"\nissuer = [\"corp\"]\nprofile = \"client\"\n[authority.corp]",
      "[certificate.all]\nidentifiers = [\"*.example.org\", \"10.0.0.1\", \"::1\", \"a@example.org\", "
      "\"spiffe://example.org/web\"]\n"
      "issuer = [\"corp\"]\n[authority.corp]",
      "[issuer.internal]\ntype = \"authority\"\nauthority = \"corp\"\n[authority.corp]",
      "[issuer.remote]\ntype = \"exec\"\ncommand = [\"ssh\", \"ca\"]\ntimeout = \"1m\"",
      files("verify = \"none\""),
      files("verify = [\"127.0.0.1:443\", \"[::1]:443\", \"localhost:8443\"]"),
      files("verify = [{ connect = \"127.0.0.1:443\", sni = \"www.example.org\", starttls = \"smtp\", addresses = "
            "\"all\" }]"),
      files("verify = [\"127.0.0.1:443\"]\nverify_timeout = \"5s\""),
      files("verify = \"127.0.0.1:443\"\ncontents = \"combined\"\nreload = \"systemctl reload nginx\""),
      files("verify = { connect = \"127.0.0.1:443\" }\ncontents = { content = \"cert\" }"),
      "[issuer.remote]\ntype = \"exec\"\ncommand = \"ssh ca\"",
      "[authority.corp]\n[certificate.www]\nidentifiers = \"www.example.org\"\nissuer = \"corp\"",
      "[authority.corp]\npassphrase_file = \"credential:corp\"\npermitted = [\"example.org\", \"10.0.0.0/8\"]\n"
      "crl_url = \"http://pki.example.org/corp.crl\"\nsettle = \"1d\"\n"
      "[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"/srv/pki\"\ncontents = [\"crl\", \"bundle\"]",
      profile("lifetime = \"90d\"\nlongest = \"90d\"\nsubject = [\"O\", \"CN\"]\nallow = [\"*.example.org\"]\nkeys = "
              "[\"ed25519\"]"),
      "[profile.server]\nusage = [\"serverAuth\", \"1.3.6.1.5.5.7.3.2\"]\nlongest = \"30d\"",
  };
  for (const std::string& text : accepts) {
    CAPTURE(text);
    CHECK(only_problem(text) == "");
  }
}

TEST_CASE("what is wrong is said with line, key and advice") {
  const struct {
    std::string text, problem;
  } rejects[] = {
      {"keep = 0", "1: keep: 0 is out of range (1 to 1000)"},
      {"workers = 1000", "1: workers: 1000 is out of range (1 to 256)"},
      {"proxy = \"proxy:3128\"", "1: proxy: 'proxy:3128' is no URL (write proxy = \"http://proxy:3128\")"},
      {"proxy_password_file = \"credential:proxy\"",
       "1: proxy_password_file: is of no use without proxy (add proxy = "
       "\"http://proxy.example.org:3128\")"},
      {"keep = \"two\"", "1: keep: expected an integer, found a string"},
      {"state = \"\"", "1: state: an empty path"},
      {"kepe = 2", "1: kepe: unknown key (did you mean 'keep'?)"},
      {"\n[certificates.www]\n", "2: certificates: unknown key (did you mean 'certificate'?)"},
      {"[agent]\nadmin = \"127.0.0.1:9814\"",
       "1: agent: unknown key (known here: config_version, state, keep, workers, proxy, proxy_password_file, "
       "issuer, challenge, authority, profile, certificate, endpoint, environment, team, audit)"},
      {"config_version = 2\nnew_option = true",
       "1: config_version: version 2 is newer than this Everseal, which reads version 1 (update Everseal on this "
       "host)"},
      {"config_version = 0", "1: config_version: must be 1"},
      {"config_version = \"1\"", "1: config_version: must be 1"},
      {"keep = 2.5", "1: keep: a number with a fraction, which no option takes (put it in quotes if text is meant)"},
      {"state = 2026-11-23", "1: state: a date or time, which no option takes (put it in quotes if text is meant)"},
      {"certificate = \"www\"",
       "1: certificate: expected named tables (write [certificate.NAME] and its options below)"},
      {"[[certificate]]\nname = \"www\"",
       "1: certificate: expected named tables (write [certificate.NAME] and its options below)"},
      {"[certificate]\nissuer = [\"corp\"]",
       "2: certificate.issuer: expected a table, the certificate of that name (write [certificate.NAME] and its "
       "options below)"},
      {"[certificate.\"../x\"]\nidentifiers = [\"x.example.org\"]\nissuer = [\"corp\"]\n[authority.corp]",
       "1: certificate.\"../x\": certificate name '../x' is not allowed (a name has 1 to 64 lower-case letters, "
       "digits, '.', '_' or "
       "'-', and begins with a letter, digit or '_')"},

      {"[certificate.www]\nidentifiers = [\"www.example.org\"]",
       "1: certificate.www.issuer: is missing (issuers, or authorities, tried in this order)"},
      {"[authority.corp]\n[certificate.www]\nissuer = [\"corp\"]",
       "2: certificate.www.identifiers: is missing (for example identifiers = [\"www.example.org\"])"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = []\nissuer = [\"corp\"]",
       "3: certificate.www.identifiers: a certificate needs at least one identifier (for example identifiers = "
       "[\"www.example.org\"])"},
      {"[authority.corp]\n[certificate.www]\nsubject = \"O=Acme\"\nissuer = [\"corp\"]",
       "3: certificate.www.identifiers: is missing (without identifiers, the subject must have a CN)"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = 7\nissuer = [\"corp\"]",
       "3: certificate.www.identifiers: expected a list of strings, found an integer (write identifiers = [\"7\"])"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\n  \"www.example.org\",\n  "
       "\"WWW.Example.ORG\",\n]\nissuer = [\"corp\"]",
       "5: certificate.www.identifiers: 'WWW.Example.ORG' stands there twice (remove one of them)"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\", \"corp\"]",
       "4: certificate.www.issuer: 'corp' stands there twice (remove one of them)"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = []",
       "4: certificate.www.issuer: a certificate needs at least one issuer"},
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"crop\"]",
       "4: certificate.www.issuer: there is no issuer or authority 'crop' (did you mean 'corp'?)"},
      {"[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"internal\"]",
       "3: certificate.www.issuer: there is no issuer or authority 'internal' (add [issuer.internal] or "
       "[authority.internal], or "
       "make one with `everseal ca init internal`)"},
      {certificate("profile = \"sever\""),
       "5: certificate.www.profile: there is no profile 'sever' (did you mean 'server'?)"},
      {certificate("profile = \"kiosk\""),
       "5: certificate.www.profile: there is no profile 'kiosk' (add [profile.kiosk], or use one of: client, peer, "
       "server)"},
      {certificate("key = \"rsa-1024\""),
       "5: certificate.www.key: 'rsa-1024' is not one of its values (one of: ecdsa-p256, ecdsa-p384, rsa-2048, "
       "rsa-3072, rsa-4096, "
       "ed25519)"},
      {certificate("lifetime = \"1 day\""),
       "5: certificate.www.lifetime: '1 day' is not a duration (write for example 90d, 36h or 15m)"},
      {certificate("environment = \"\""),
       "5: certificate.www.environment: '' is not a label of 1 to 64 printable characters"},

      {"[issuer.internal]\nauthority = \"corp\"",
       "1: issuer.internal.type: is missing (one of: acme, authority, exec)"},
      {"[issuer.internal]\ntype = \"authorty\"",
       "2: issuer.internal.type: there is no type 'authorty' (did you mean 'authority'?)"},
      {"[issuer.le]\ntype = \"acme\"", "1: issuer.le.directory: is missing (URL of the CA's directory)"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"https://me:hunter2@ca.example\"",
       "3: issuer.le.directory: a user's name or password in a URL is refused (write the URL without what stands "
       "before "
       "its '@')"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"https://ca.example\"\nhttp_address = \"xyzzy\"\ntls_port = 0",
       "4: issuer.le.http_address: 'xyzzy' is not an IP address (write for example \"192.0.2.1\" or \"::1\")\n"
       "5: issuer.le.tls_port: 0 is out of range (1 to 65535)"},
      {"[challenge.x]\ntype = \"dns-01\"\nprovider = \"exec\"\ncommand = \"x\"\nresolvers = \"xyzzy!\"\nserver_port = "
       "99999999",
       "5: challenge.x.resolvers: 'xyzzy!' is not the address of a server (write for example \"192.0.2.53\" or "
       "\"[2001:db8::53]:53\")\n6: challenge.x.server_port: 99999999 is out of range (1 to 65535)"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"https://ca.example\"\nproxy = \"http://me:hunter2@proxy\"",
       "4: issuer.le.proxy: a user's name or password in a URL is refused (say USER:PASSWORD in a file, and "
       "proxy_password_file = \"PATH\" or \"credential:NAME\")"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"http://ca.example\"",
       "1: issuer.le: directory must be a URL that begins with https://"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"https://ca.example\"\nchallenge = \"dns-01\"",
       "4: issuer.le.challenge: there is no challenge 'dns-01' (write http-01, tls-alpn-01, or the name of a "
       "[challenge.NAME])"},
      {"[issuer.le]\ntype = \"acme\"\ndirectory = \"https://ca.example\"\neab_key_id = \"k\"",
       "1: issuer.le: eab_key_id and eab_key_file belong together"},
      {"[challenge.x]\ntype = \"dns-01\"",
       "1: challenge.x.provider: is missing (one of: acme-dns, cloudflare, desec, digitalocean, exec, hetzner, "
       "powerdns, "
       "rfc2136, route53)"},
      {"[challenge.x]\ntype = \"dns-01\"\nprovider = \"exec\"",
       "1: challenge.x.command: is missing (the program and its "
       "arguments; with certbot hooks the one that sets the record)"},
      {"[challenge.x]\ntype = \"http-01\"\nprovider = \"exec\"",
       "3: challenge.x.provider: http-01 sets no records (remove it)"},
      {"[challenge.x]\ntype = \"http-01\"\nzones = [\"*.example.org\"]",
       "3: challenge.x.zones: a zone covers all names below it without a wildcard"},
      {"[challenge.x]\ntype = \"http-01\"\ntoken = \"secret\"",
       "3: challenge.x.token: inline secrets are refused (use token_file = \"PATH\" or \"credential:NAME\")"},
      {"[issuer.internal]\ntype = \"authority\"",
       "1: issuer.internal.authority: is missing (the name of the authority (`everseal ca init NAME`))"},
      {"[issuer.internal]\ntype = \"authority\"\nauthority = \"corp\"",
       "3: issuer.internal.authority: there is no authority 'corp' (add [authority.corp], or make it with `everseal ca "
       "init corp`)"},
      {"[authority.corp]\n[issuer.internal]\ntype = \"authority\"\nauthority = \"corp\"\nprofile = \"peers\"",
       "5: issuer.internal.profile: there is no profile 'peers' (did you mean 'peer'?)"},
      {"[issuer.remote]\ntype = \"exec\"\ncommand = [\"ssh\"]\ncomand = []",
       "4: issuer.remote.comand: unknown key (did you mean 'command'?)"},

      {files(""),
       "5: certificate.www.deploy.nginx.verify: is missing (say verify = [\"127.0.0.1:443\"] with the listeners, or "
       "verify = "
       "\"none\" where there is none)"},
      {files("verify = \"127.0.0.1\""),
       "8: certificate.www.deploy.nginx.verify.connect: '127.0.0.1' is not HOST:PORT (write for example "
       "\"127.0.0.1:443\" or "
       "\"[::1]:443\")"},
      {files("verify = \"none\"\np12_password_fil = \"/x\""),
       "9: certificate.www.deploy.nginx.p12_password_fil: unknown key (did you mean 'p12_password_file'?)"},
      {files("verify = \"none\"\nreload = \"nginx -t && nginx -s reload\""),
       "9: certificate.www.deploy.nginx.reload: '&&' means something to a shell only, and none runs it (write reload = "
       "[\"/bin/sh\", \"-c\", \"nginx -t && nginx -s reload\"])"},
      {files("verify = []"),
       "8: certificate.www.deploy.nginx.verify: an empty list verifies nothing (say verify = [\"127.0.0.1:443\"] with "
       "the listeners, or "
       "verify = \"none\" where there is none)"},
      {files("verify = true"), "8: certificate.www.deploy.nginx.verify: expected a list of tables, found a boolean"},
      {files("verify = [443]"), "8: certificate.www.deploy.nginx.verify[0]: expected a table, found an integer"},
      {files("verify = [\"127.0.0.1\"]"),
       "8: certificate.www.deploy.nginx.verify[0].connect: '127.0.0.1' is not HOST:PORT (write for example "
       "\"127.0.0.1:443\" or "
       "\"[::1]:443\")"},
      {files("verify = [\"::1:443\"]"),
       "8: certificate.www.deploy.nginx.verify[0].connect: '::1:443' is not HOST:PORT (write for example "
       "\"127.0.0.1:443\" or "
       "\"[::1]:443\")"},
      {files("verify = [\"localhost:70000\"]"),
       "8: certificate.www.deploy.nginx.verify[0].connect: 'localhost:70000' is not HOST:PORT (write for example "
       "\"127.0.0.1:443\" or "
       "\"[::1]:443\")"},
      {files("verify = [{ sni = \"www.example.org\" }]"),
       "8: certificate.www.deploy.nginx.verify[0].connect: is missing (HOST:PORT of a listener of this host)"},
      {files("verify = [{ connect = \"127.0.0.1:443\", sni = \"*.example.org\" }]"),
       "8: certificate.www.deploy.nginx.verify[0].sni: \"*.example.org\" is no server name: a wildcard cannot be asked "
       "for (say one name below it)"},
      {files("verify = [{ connect = \"127.0.0.1:443\", starttls = \"gopher\" }]"),
       "8: certificate.www.deploy.nginx.verify[0].starttls: 'gopher' is not a protocol we speak (one of: ftp, imap, "
       "ldap, lmtp, mssql, mysql, pop3, postgres, rdp, sieve, smtp, xmpp, xmpp-server)"},
      {files("verify = [{ connect = \"127.0.0.1:443\", addresses = \"some\" }]"),
       "8: certificate.www.deploy.nginx.verify[0].addresses: 'some' is not one of its values (one of: one, all)"},
      {files("verify = [{ connect = \"127.0.0.1:443\", port = 443 }]"),
       "8: certificate.www.deploy.nginx.verify[0].port: unknown key (known here: connect, sni, starttls, addresses)"},
      {files("verify = \"none\"\nverify_timeout = \"0s\""),
       "9: certificate.www.deploy.nginx.verify_timeout: '0s' is not a duration (write for example 90d, 36h or 15m)"},
      {deployment("type = \"file\"\nverify = \"none\""),
       "6: certificate.www.deploy.nginx.type: there is no type 'file' (did you mean 'files'?)"},
      {deployment("type = \"files\"\nverify = \"none\""),
       "5: certificate.www.deploy.nginx.directory: is missing (where the server reads its files; must exist)"},
      {files("verify = \"none\"\nmode = \"rw-r--\""),
       "9: certificate.www.deploy.nginx.mode: 'rw-r--' is not a file mode (write for example \"0640\")"},
      {files("verify = \"none\"\nmod = \"0640\""),
       "9: certificate.www.deploy.nginx.mod: unknown key (did you mean 'mode'?)"},
      {files("verify = \"none\"\nreload = [\"true\"]\nrestart = [\"true\"]"),
       "5: certificate.www.deploy.nginx: there are both reload and restart; one of them is run"},
      {"[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"/srv/pki\"",
       "1: authority.corp.publish.web.contents: is missing (an authority publishes \"crl\", \"crl_pem\" and "
       "\"bundle\")"},
      {"[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"/srv/pki\"\ncontents = [\"crl\", \"fullchain\"]",
       "4: authority.corp.publish.web.contents: 'fullchain' is of a certificate (an authority publishes \"crl\", "
       "\"crl_pem\" and \"bundle\")"},
      {files("verify = \"none\"\ncontents = \"bundle\""),
       "9: certificate.www.deploy.nginx.contents: 'bundle' is of an authority ([authority.NAME.publish] puts it "
       "somewhere)"},
      {"[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"/srv/pki\"\ncontents = [\"crl\"]\nverify = "
       "[\"127.0.0.1:80\"]",
       "5: authority.corp.publish.web.verify: unknown key (known here: type, directory, contents, owner, mode, "
       "p12_password_file, p12_form, "
       "reload, restart, timeout, user)"},

      {"[authority.corp]\ncrl_url = \"https://pki.example.org/corp.crl\"",
       "2: authority.corp.crl_url: 'https://pki.example.org/corp.crl' is no http:// URL (it is fetched over plain "
       "http, as checking "
       "https would need it first; it is signed all the same)"},
      {"[authority.corp]\nsettle = \"soon\"",
       "2: authority.corp.settle: 'soon' is not a duration (write for example 90d, 36h or 15m)"},
      {"[authority.corp]\nallow = [\n\"*.example.org\",\n\"*.*.org\"]",
       "4: authority.corp.allow: \"*.*.org\" is no identifier pattern: \"*.org\" is no DNS name: a wildcard needs two "
       "labels below it (write a name, \"*.example.org\", \"10.0.0.0/8\", \"*@example.org\", \"spiffe://trust/*\" or "
       "\"*\")"},
      {"[authority.corp]\nallow = [\"\"]",
       "2: authority.corp.allow: '' is not a pattern of identifiers (for example \"*.example.org\", \"10.0.0.0/8\", "
       "\"spiffe://example.org/*\")"},
      {"[profile.device]",
       "1: profile.device.usage: is missing (extended key usages: serverAuth, clientAuth, ... or OIDs)"},
      {"[profile.device]\nusage = []",
       "2: profile.device.usage: a profile needs at least one usage (for example usage = [\"clientAuth\"])"},
      {"[profile.device]\nusage = [\"clientauth\"]",
       "2: profile.device.usage: 'clientauth' is not an extended key usage (did you mean 'clientAuth'?)"},
      {"[profile.device]\nusage = [\"1..2\"]",
       "2: profile.device.usage: '1..2' is not an extended key usage (one of: serverAuth, clientAuth, codeSigning, "
       "emailProtection, "
       "timeStamping, OCSPSigning, or an OID)"},
      {profile("lifetime = \"91d\"\nlongest = \"90d\""), "3: profile.device.lifetime: 91d is more than longest, 90d"},
      {profile("subject = [\"Shoe size\"]"),
       "3: profile.device.subject: 'Shoe size' is not an attribute of a name (for example CN, O, OU, L, ST, C)"},
      {profile("keys = [\"dsa\"]"),
       "3: profile.device.keys: 'dsa' is not a key type (one of: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, "
       "ed25519)"},
  };
  for (const auto& [text, problem] : rejects) {
    CAPTURE(text);
    CHECK(only_problem(text) == problem);
  }
}

TEST_CASE("bad identifiers, subjects and constraints are told with the rule of their own parser") {
  const struct {
    std::string text, place;
  } rejects[] = {
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\"a..b\"]\nissuer = [\"corp\"]",
       "3: certificate.www.identifiers: "},
      {"[authority.corp]\n[certificate.www]\nidentifiers = [\"www.*.org\"]\nissuer = [\"corp\"]",
       "3: certificate.www.identifiers: "},
      {certificate("subject = \"CN\""), "5: certificate.www.subject: "},
      {certificate("subject = \"SHOE=42\""), "5: certificate.www.subject: "},
      {"[authority.corp]\npermitted = [\"10.0.0.0/99\"]", "2: authority.corp.permitted: "},
      {"[authority.corp]\nexcluded = [\n\"example.org\",\n\"not a name\"]", "4: authority.corp.excluded: "},
  };
  for (const auto& [text, place] : rejects) {
    CAPTURE(text);
    const std::string problem = only_problem(text);
    CHECK(problem.starts_with(place));
    CHECK(problem.size() > place.size() + 10);
    CHECK(problem.find('\n') == std::string::npos);
  }
}

TEST_CASE("a secret in the config is refused without being repeated") {
  const struct {
    std::string text, problem;
  } rejects[] = {
      {"[authority.corp]\npassphrase = \"hunter2\"",
       "2: authority.corp.passphrase: inline secrets are refused (use passphrase_file = \"PATH\" or "
       "\"credential:NAME\")"},
      {files("verify = \"none\"\np12_password = \"hunter2\""),
       "9: certificate.www.deploy.nginx.p12_password: inline secrets are refused (use p12_password_file = \"PATH\" or "
       "\"credential:NAME\")"},
      {files("verify = [{ connect = \"127.0.0.1:443\", Token = \"hunter2\" }]"),
       "8: certificate.www.deploy.nginx.verify[0].Token: inline secrets are refused (use Token_file = \"PATH\" or "
       "\"credential:NAME\")"},
      {"[issuer.x]\ntype = \"exec\"\ncommand = [\"x\"]\nclient_secret = \"hunter2\"",
       "4: issuer.x.client_secret: inline secrets are refused (use client_secret_file = \"PATH\" or "
       "\"credential:NAME\")"},
  };
  for (const auto& [text, problem] : rejects) {
    CAPTURE(text);
    CHECK(only_problem(text) == problem);
    CHECK(only_problem(text).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a wildcard that comes first needs a name to ask for") {
  constexpr std::string_view text = R"([authority.corp]
[certificate."_.example.org"]
identifiers = ["*.example.org"]
issuer = ["corp"]
[certificate."_.example.org".deploy.nginx]
type = "files"
directory = "/srv/tls"
verify = )";
  CHECK(only_problem(fmt::format("{}[{{ connect = \"127.0.0.1:443\", sni = \"a.example.org\" }}]", text)) == "");
  CHECK(only_problem(fmt::format("{}\"none\"", text)) == "");
  CHECK(only_problem(fmt::format("{}[\"127.0.0.1:443\"]", text)) ==
        "5: certificate.\"_.example.org\".deploy.nginx.verify[0]: which name to ask for, as '*.example.org' is a "
        "wildcard? (say sni = "
        "\"www.example.org\" or another name that the listener serves)");
}

TEST_CASE("all problems are told at once, by file and line") {
  const Parsed parsed = parse_sources({
      {"/etc/everseal/everseal.toml", "keep = 0\nfoo = 1\n[certificate.a]\nissuer = 3\n"},
      {"/etc/everseal/conf.d/b.toml",
       "[certificate.a]\nidentifiers = [\"a\"]\n\n[certificate.B]\nidentifiers = [\"b b\"]\nissuer = [\"x\"]\n"},
  });
  std::vector<std::string> places;
  for (const std::string& problem : parsed.problems)
    places.push_back(problem.substr(14, problem.find(": ", problem.find(": ") + 2) - 14));
  CHECK(places == std::vector<std::string>{
                      "everseal.toml:1: keep",
                      "everseal.toml:2: foo",
                      "everseal.toml:3: certificate.a.identifiers",
                      "everseal.toml:4: certificate.a.issuer",
                      "conf.d/b.toml:1: certificate.a",
                      "conf.d/b.toml:4: certificate.B",
                      "conf.d/b.toml:5: certificate.B.identifiers",
                      "conf.d/b.toml:6: certificate.B.issuer",
                  });
}

TEST_CASE("nothing is defined in two places") {
  const std::string www = "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n";
  const struct {
    std::string first, second, problem;
  } rejects[] = {
      {www, "\n" + www, "/b.toml:2: certificate.www: is defined already at /a.toml:1 (remove one of them)"},
      {www, "[certificate.www.deploy.x]\ntype = \"files\"\ndirectory = \"/x\"\nverify = \"none\"",
       "/b.toml:1: certificate.www: is defined already at /a.toml:1 (remove one of them)"},
      {"keep = 2", "keep = 2", "/b.toml:1: keep: is defined already at /a.toml:1 (remove one of them)"},
      {"[profile.x]\nusage = [\"clientAuth\"]", "[profile.x]\nusage = [\"serverAuth\"]",
       "/b.toml:1: profile.x: is defined already at /a.toml:1 (remove one of them)"},
      {"[authority.x]", "[authority.x]",
       "/b.toml:1: authority.x: is defined already at /a.toml:1 (remove one of them)"},
  };
  for (const auto& [first, second, problem] : rejects) {
    CAPTURE(second);
    const Parsed parsed = parse_sources({{"/a.toml", first}, {"/b.toml", second}, {"/c.toml", "[authority.corp]"}});
    CHECK(parsed.problems == std::vector<std::string>{problem});
  }
  // Within one file the TOML parser says so.
  CHECK(only_problem(www + www).starts_with("4: this is not TOML: column "));
}

TEST_CASE("files that say different things belong together") {
  const Parsed parsed = parse_sources(
      {{"/a.toml",
        "config_version = 1\n[authority.corp]\n[issuer.internal]\ntype = \"authority\"\nauthority = \"corp\""},
       {"/b.toml", "config_version = 1\n[certificate.a]\nidentifiers = [\"a\"]\nissuer = [\"internal\"]"},
       {"/c.toml", "[certificate.b]\nidentifiers = [\"b\"]\nissuer = [\"corp\"]"}});
  CHECK(parsed.problems.empty());
  CHECK(parsed.config.certificates.size() == 2);
  CHECK(parsed.config.files == std::vector<std::string>{"/a.toml", "/b.toml", "/c.toml"});
  CHECK(to_string(parsed.config.certificates.at(Name::parse("b")).origin) == "/c.toml:1");
}

TEST_CASE("an authority that the store knows needs no table") {
  Kinds with = kinds();
  const std::vector<Source> sources{{"/a.toml",
                                     "[issuer.i]\ntype = \"authority\"\nauthority = \"corp\"\n"
                                     "[certificate.a]\nidentifiers = [\"a\"]\nissuer = [\"corp\"]"}};
  CHECK(parse_sources(sources, with).problems.size() == 2);
  with.known_authorities = {Name::parse("corp")};
  CHECK(parse_sources(sources, with).problems.empty());
}

TEST_CASE("a file that cannot be read causes no complaints about what it may define") {
  const Parsed parsed = parse_sources(
      {{"/a.toml", "[authority.corp\n"}, {"/b.toml", "[certificate.a]\nidentifiers = [\"a\"]\nissuer = [\"corp\"]"}});
  REQUIRE(parsed.problems.size() == 1);
  CHECK(parsed.problems.front().starts_with("/a.toml:1: this is not TOML: column 16: "));
}

TEST_CASE("two deployments never write one file") {
  const std::string first =
      "[authority.corp]\n[certificate.a]\nidentifiers = [\"a\"]\nissuer = [\"corp\"]\n"
      "[certificate.a.deploy.x]\ntype = \"files\"\ndirectory = \"/srv/tls\"\nverify = \"none\"\n";
  const auto second = [](std::string_view directory, std::string_view contents) {
    return fmt::format(
        "[certificate.b]\nidentifiers = [\"b\"]\nissuer = [\"corp\"]\n[certificate.b.deploy.y]\ntype = \"files\"\n"
        "directory = \"{}\"\ncontents = {}\nverify = \"none\"\n",
        directory, contents);
  };
  CHECK(only_problem(first + second("/srv/tls", R"([{ content = "cert", file = "b.pem" }])")) == "");
  CHECK(only_problem(first + second("/srv/other", R"(["fullchain", "privkey"])")) == "");
  for (const std::string_view directory : {"/srv/tls", "/srv/./tls/", "/srv/tls/../tls"}) {
    CAPTURE(directory);
    CHECK(only_problem(first + second(directory, R"([{ content = "cert", file = "fullchain.pem" }])")) ==
          "12: certificate.b.deploy.y: writes /srv/tls/fullchain.pem, which certificate.a.deploy.x "
          "(/etc/everseal/everseal.toml:5) writes "
          "too (give one of them another directory or other file names)");
  }
}

TEST_CASE("hostile TOML is refused") {
  const auto repeat = [](std::string_view text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  const std::string deep[] = {
      "a = " + repeat("[", 1'000'000),
      "a = " + repeat("{a=", 1'000'000),
      "a = " + repeat("[", 17) + repeat("]", 17),
      "a" + repeat(".a", 1'000'000) + " = 1",
      "[a" + repeat(" . \"a\"", 100'000) + "]",
      "a = '''\n\"'''\nb" + repeat(".a", 1000) + " = 1",
      "a = \"\"\"x\"\"\"\"\"\nb" + repeat(".a", 1000) + " = 1",
      "x = { a" + repeat(".a", 1000) + " = 1 }",
  };
  for (const std::string& text : deep) {
    CAPTURE(text.substr(0, 40));
    CHECK(only_problem(text).find(": nested too deeply to be a config") != std::string::npos);
  }
  const std::string broken[] = {"=",
                                "a = ",
                                "[a",
                                "[[[",
                                "\xef\xbb\xbf[=",
                                "[=]",
                                "keep = 1\n  [ [ =",
                                "[[ #\na]]",
                                "[\xc3\xa4]",
                                "[\n",
                                "a = \"",
                                "a = '''",
                                "\xff\xfe",
                                std::string("a = \"\0\"", 7),
                                "a = \"\x1b[31m\"",
                                "a\rb",
                                "a = 99999999999999999999",
                                "a = \"\\ud800\""};
  for (const std::string& text : broken) {
    CAPTURE(text);
    const std::string problem = only_problem(text);
    CHECK(problem.find(": this is not TOML: column ") != std::string::npos);
    for (const char c : problem) CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
  }
  const std::string dots = "identifiers = [\"" + repeat("1.0.", 32) +
                           "ip6.arpa\", \"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s\"] # " + repeat("x.", 99);
  CHECK(only_problem("[authority.corp]\n[certificate.a]\nissuer = [\"corp\"]\n" + dots) == "");
}

TEST_CASE("control characters of the config never reach the terminal") {
  const std::string problem = only_problem("\"\\u001b[31m\\u202e\" = 1\n[certificate.\"a\\nb\"]\n");
  CHECK(problem.find('\x1b') == std::string::npos);
  CHECK(problem.find("\xe2\x80\xae") == std::string::npos);
}

TEST_CASE("values are what was written") {
  const Parsed parsed = parse_text(R"(
state = "state"
keep = 5
workers = 7
[issuer.remote]
type = "exec"
command = ["ssh", "ca example"]
[authority.corp]
passphrase_file = "corp.pass"
permitted = ["example.org"]
crl_lifetime = "2d"
[authority.corp.publish.web]
type = "files"
directory = "/srv/pki"
contents = ["crl"]
[profile.device]
usage = ["clientAuth"]
lifetime = "1d12h"
keys = ["ed25519"]
[certificate.www]
identifiers = ["WWW.Example.org", "10.0.0.1"]
issuer = ["remote", "corp"]
environment = "prod"
profile = "device"
key = "rsa-3072"
subject = "O=Acme, CN=x"
lifetime = "24h"
[certificate.www.deploy.b]
type = "files"
directory = "tls"
verify = [{ connect = "[::1]:443", sni = "x.example.org", starttls = "smtp", addresses = "all" }, "localhost:25"]
verify_timeout = "1m"
[certificate.www.deploy.a]
type = "exec"
command = ["/bin/true"]
verify = "none"
)");
  REQUIRE(parsed.problems == std::vector<std::string>{});
  const Config& config = parsed.config;
  CHECK(config.state == "/etc/everseal/state");
  CHECK(config.keep == 5);
  CHECK(config.workers == 7);
  const Issuer& issuer = config.issuers.at(Name::parse("remote"));
  CHECK(issuer.type == "exec");
  CHECK(issuer.options.strings("command") == std::vector<std::string>{"ssh", "ca example"});
  const Authority& authority = config.authorities.at(Name::parse("corp"));
  CHECK(authority.passphrase_file == "/etc/everseal/corp.pass");
  CHECK(authority.permitted == std::vector<std::string>{"example.org"});
  CHECK(authority.crl_lifetime == base::Seconds(2 * 86400));
  CHECK(authority.settle == base::Seconds(7 * 86400));
  REQUIRE(authority.publish.size() == 1);
  CHECK(authority.publish.front().options.items("contents").front().string("content") == "crl");
  const Profile& device = config.profiles.at(Name::parse("device"));
  CHECK(device.lifetime == base::Seconds(36 * 3600));
  CHECK(device.keys == std::vector<pki::KeyType>{pki::KeyType::ed25519});

  const Certificate& www = config.certificates.at(Name::parse("www"));
  CHECK(pki::to_string(www.identifiers) == "www.example.org, 10.0.0.1");
  CHECK(www.issuers == std::vector<Name>{Name::parse("remote"), Name::parse("corp")});
  CHECK(www.environment == "prod");
  CHECK(www.profile == "device");
  CHECK(www.key == pki::KeyType::rsa_3072);
  CHECK(www.subject.text() == "O=Acme, CN=x");
  CHECK(www.lifetime == base::Seconds(86400));
  CHECK(to_string(www.origin) == "/etc/everseal/everseal.toml:20");
  REQUIRE(www.deployments.size() == 2);
  const Deployment& exec = www.deployments[0];
  CHECK(exec.name.text() == "a");
  CHECK(exec.verification == Verification::none);
  CHECK(exec.verify_timeout == base::Seconds(30));
  const Deployment& files = www.deployments[1];
  CHECK(files.options.string("directory") == "/etc/everseal/tls");
  CHECK(files.verification == Verification::probe);
  CHECK(files.verify_timeout == base::Seconds(60));
  REQUIRE(files.verify.size() == 2);
  CHECK(files.verify[0].connect == "[::1]:443");
  CHECK(files.verify[0].sni == "x.example.org");
  CHECK(files.verify[0].starttls == "smtp");
  CHECK(files.verify[0].all_addresses);
  CHECK(files.verify[1].connect == "localhost:25");
  CHECK(files.verify[1].sni.empty());
  CHECK_FALSE(files.verify[1].all_addresses);
}

TEST_CASE("parse_or_throw lists every problem, one a line") {
  try {
    parse_or_throw({{"/a.toml", "keep = 0\nworkers = 0"}}, kinds());
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::config);
    CHECK(error.message() ==
          "the config has 2 problems:\n  /a.toml:1: keep: 0 is out of range (1 to 1000)\n"
          "  /a.toml:2: workers: 0 is out of range (1 to 256)");
  }
  std::string many;
  for (int i = 0; i < 150; ++i) many += fmt::format("unknown_{} = 1\n", i);
  try {
    parse_or_throw({{"/a.toml", many}}, kinds());
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.message().ends_with("and 130 more unknown keys"));
  }
}

}  // namespace
}  // namespace everseal::config
