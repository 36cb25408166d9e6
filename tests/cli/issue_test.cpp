// `issue` asked for a second time, and asked for what it does not understand.
#include "cli/host.h"

#include <string>

#include <fmt/format.h>

using namespace everseal;
using test::Host;
using test::says;
using test::Words;

namespace {

std::string san(const Host& host, const std::string& name) {
  return test::look_at(host.folder.file("state/live/" + name + "/cert.pem"), {"-ext", "subjectAltName"});
}

std::size_t versions(const Host& host, const std::string& name) {
  return nlohmann::json::parse(host.run({"show", name, "--json"}, 0).output).at("versions").size();
}

Words once(Words more) {
  more.insert(more.begin(), {"issue", "--issuer", "corp", "--once", "--as", "x"});
  return more;
}

}  // namespace

TEST_CASE("what was issued once is as wanted only where the same is asked for") {
  const Host host;
  host.run({"ca", "init", "other", "--root-passphrase-file", host.folder.file("root.passphrase")}, 0);
  const Words first{"-d", "a.example.test", "-d", "b.example.test"};
  host.run(once(first), 0);
  const Words same[] = {first,
                        {"-d", "A.example.test", "-d", "b.example.test"},
                        {"-d", "a.example.test", "-d", "b.example.test", "--key", "ecdsa-p256"}};
  for (const Words& words : same) CHECK(says(host.run(once(words), 0), "version 1 is as wanted"));
  struct Row {
    Words words;
    std::string difference;
  };
  const Row rows[] = {
      {{"-d", "a.example.test"}, "identifiers: a.example.test, b.example.test -> a.example.test"},
      {{"-d", "c.example.test"}, "identifiers: a.example.test, b.example.test -> c.example.test"},
      {{"-d", "a.example.test", "-d", "b.example.test", "--issuer", "other"}, "issuer: corp -> corp, other"},
      {{"-d", "a.example.test", "-d", "b.example.test", "--key", "rsa-2048"}, "key: ecdsa-p256 -> rsa-2048"},
      {{"-d", "a.example.test", "-d", "b.example.test", "--profile", "peer"}, "profile: none -> peer"},
      {{"-d", "a.example.test", "-d", "b.example.test", "--lifetime", "36h"}, "lifetime: none -> 36h"},
      {{"--csr", host.csr("in/x.csr", "DNS:a.example.test,DNS:b.example.test")}, "key: that of version 1 -> another"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.difference);
    const base::Exit exit = host.run(once(row.words), 1);
    CHECK_MESSAGE(says(exit, row.difference), exit.errors);
    CHECK(says(exit, "--replace"));
    CHECK(says(exit, "--as OTHER"));
  }
  CHECK(host.count_signed() == 1);
  CHECK(host.count_events("certificate.failed") == 0);

  Words replaced = once({"-d", "c.example.test", "--key", "rsa-2048", "--replace"});
  CHECK(says(host.run(replaced, 0), "version 2 from corp"));
  CHECK(san(host, "x").find("DNS:c.example.test") != std::string::npos);
  CHECK(host.run({"renew"}, 0).output.empty());
  CHECK(versions(host, "x") == 2);
}

TEST_CASE("what was issued once and is revoked is issued again for the same request") {
  const Host host;
  host.run(once({"-d", "a.example.test"}), 0);
  const std::string serial = test::look_at(host.folder.file("state/live/x/cert.pem"), {"-serial"});
  host.run({"revoke", "--serial", serial.substr(serial.find('=') + 1), "--reason", "superseded"}, 0);
  CHECK(host.count_signed() == 1);
  CHECK(says(host.run(once({"-d", "a.example.test"}), 0), "version 2 from corp"));
  CHECK(says(host.run(once({"-d", "a.example.test"}), 0), "version 2 is as wanted"));
}

TEST_CASE("a CSR is signed once, and another one is another request") {
  const Host host;
  const auto sign = [&](const std::string& csr, int status, Words more = {}) {
    more.insert(more.begin(), {"issue", "--issuer", "corp", "--as", "device-17", "--profile", "client", "--csr", csr});
    return host.run(std::move(more), status);
  };
  const std::string names = "DNS:d.example.test";
  const std::string first = host.csr("in/d.csr", names, "/O=Acme/CN=device");
  sign(first, 0);
  CHECK(says(sign(first, 0), "version 1 is as wanted"));
  CHECK(says(sign(host.csr("in/e.csr", names, "/O=Acme/CN=device"), 1), "key: that of version 1 -> another"));
  const std::string same_key = host.csr("in/d.csr", names, "/O=Other/CN=device");
  CHECK(says(sign(same_key, 1), "O: Acme -> Other"));
  CHECK(says(sign(host.csr("in/d.csr", names, "/CN=device"), 1), "O: Acme -> none"));
  const std::string second = host.csr("in/e.csr", names, "/O=Acme/CN=device");
  CHECK(says(sign(second, 0, {"--replace"}), "version 2 from corp"));
  const std::string key = host.folder.file("in/e.csr.key");
  const base::Exit expected = test::run({"openssl", "pkey", "-in", key, "-pubout"});
  CHECK(test::look_at(host.folder.file("state/live/device-17/cert.pem"), {"-pubkey"}) == expected.output);
  CHECK_FALSE(std::filesystem::exists(host.folder.file("state/live/device-17/privkey.pem")));

  // Nothing here can ask for a new version of it.
  CHECK(says(host.run({"renew", "device-17", "--force"}, 1), "the key of device-17 lives elsewhere"));

  // Kept alive from now on: with a key of ours, not with that of a CSR which lives elsewhere.
  host.run({"issue", "--issuer", "corp", "--as", "device-17", "--profile", "client", "-d", "d.example.test"}, 0);
  CHECK(std::filesystem::exists(host.folder.file("state/live/device-17/privkey.pem")));
  CHECK(test::look_at(host.folder.file("state/live/device-17/cert.pem"), {"-pubkey"}) != expected.output);
  CHECK(says(sign(second, 1), "kept alive"));
}

TEST_CASE("a CSR in an odd form gets the same answer from `issue` as from `ca sign`, and blocks nobody") {
  const Host host;
  struct Row {
    std::string names, subject;
    int status;
  };
  const Row rows[] = {
      {"DNS:a.example.test,DNS:a.example.test", "/", 0},
      {"DNS:a.example.test,DNS:A.Example.TEST", "/", 0},
      {"IP:192.0.2.1,IP:192.0.2.1", "/", 0},
      {"DNS:a.example.test", "/C=DE/O=Acme/CN=a.example.test", 0},
      {"DNS:a.example.test", "/CN=A.Example.TEST", 0},
      {"DNS:a.example.test", "/CN=somebody else", 0},
      {"DNS:a.example.test", "/1.3.6.1.4.1.99999.1=odd/CN=a.example.test", 0},
      {"DNS:a.example.test", "/serialNumber=17/dnQualifier=x", 0},
      {"", "/CN=a.example.test", 0},
      {"", "/CN=Alice Smith", 1},
      {"DNS:a.example.test,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@example.test", "/", 1},
      {"DNS:a.example.test,RID:1.2.3", "/", 1},
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    CAPTURE(rows[i].names);
    CAPTURE(rows[i].subject);
    const std::string file = host.csr(fmt::format("in/{}.csr", i), rows[i].names, rows[i].subject);
    const base::Exit by_sign = host.run({"ca", "sign", "corp", file}, rows[i].status);
    const std::string name = fmt::format("dev-{}", i);
    host.run({"issue", "--issuer", "corp", "--csr", file, "--as", name}, rows[i].status);
    host.run({"renew"}, 0);
    host.run({"plan"}, 0);
    if (rows[i].status != 0) {
      host.run({"show", name}, 1);
      continue;
    }
    host.folder.write("signed.pem", by_sign.output);
    const Words what{"-subject", "-ext", "subjectAltName"};
    CHECK(test::look_at(host.folder.file("signed.pem"), what) ==
          test::look_at(host.folder.file("state/live/" + name + "/cert.pem"), what));
  }
}

TEST_CASE("`issue` on a name that is kept alive changes what was named and keeps the rest") {
  const Host host;
  std::filesystem::create_directory(host.folder.file("tls"));
  const std::string password = host.folder.write("password", "secret\n", 0600);
  host.run({"issue", "--issuer", "corp", "-d", "j.example.test", "--as", "jetty", "--environment", "prod",
            "--deploy-dir", host.folder.file("tls"), "--p12", "keystore.p12", "--password-file", password},
           0);
  host.folder.write("conf.d/jetty.toml", "# hand written: do not lose\n" + host.fragment("jetty"));
  const std::string before = host.fragment("jetty");

  const base::Exit exit = host.run({"issue", "--as", "jetty", "-d", "j.example.test", "-d", "k.example.test"}, 0);
  CHECK(says(exit, "identifiers: j.example.test -> j.example.test, k.example.test"));
  std::string expected = before;
  const std::string list = "[\"j.example.test\"]";
  expected.replace(expected.find(list), list.size(), "[\"j.example.test\", \"k.example.test\"]");
  CHECK(host.fragment("jetty") == expected);
  CHECK(host.folder.read("conf.d/jetty.toml.bak") == before);
  CHECK(san(host, "jetty").find("k.example.test") != std::string::npos);
  CHECK(test::look_at(host.folder.file("tls/fullchain.pem"), {"-ext", "subjectAltName"}).find("k.example.test") !=
        std::string::npos);

  CHECK(says(host.run({"issue", "--as", "jetty", "-d", "j.example.test", "-d", "k.example.test"}, 0),
             "version 2 is as wanted"));
  host.run({"issue", "--as", "jetty", "--reload", "true"}, 0);
  CHECK(host.fragment("jetty").find("reload = [\"true\"]") != std::string::npos);
  CHECK(versions(host, "jetty") == 2);

  host.run({"issue", "--issuer", "corp", "--as", "jetty", "-d", "j.example.test", "--replace"}, 0);
  CHECK(host.fragment("jetty").find("deploy") == std::string::npos);
  CHECK(host.folder.read("conf.d/jetty.toml.bak").find("hand written") != std::string::npos);
}

TEST_CASE("a name that nobody chose is never that of a certificate of other identifiers") {
  const std::string long_name = std::string(60, 'a') + ".example.test";
  struct Row {
    Words first, second;
    std::string name;
  };
  const Row rows[] = {
      {{"-d", "example.test", "-d", "*.example.test"},
       {"-d", "example.test", "-d", "mail.example.test"},
       "example.test"},
      {{"-d", "www.test", "-d", "b.test"}, {"-d", "www.test"}, "www.test"},
      {{"-d", "w2.test"}, {"-d", "w2.test", "-d", "b.test"}, "w2.test"},
      {{"-d", long_name}, {"-d", std::string(60, 'a') + ".example.org"}, std::string(60, 'a') + ".exa"},
      {{"-d", "alice@example.test"}, {"-d", "alice-example.test"}, "alice-example.test"},
      {{"-d", "once.test", "--once"}, {"-d", "once.test", "-d", "more.test"}, "once.test"},
  };
  const Host host;
  const auto issue = [&](Words words, int status) {
    words.insert(words.begin(), {"issue", "--issuer", "corp"});
    return host.run(std::move(words), status);
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    issue(row.first, 0);
    const std::string before = host.fragment(row.name);
    const base::Exit exit = issue(row.second, 1);
    CHECK_MESSAGE(says(exit, fmt::format("the name {} is taken by a certificate for", row.name)), exit.errors);
    CHECK(says(exit, fmt::format("--as {} ", row.name)));
    CHECK(host.fragment(row.name) == before);
    issue(row.first, 0);  // the same again is no other
  }
}

TEST_CASE("what is typed is understood, or the message says what to type") {
  const Host host({"--permit", "example.test"});
  struct Row {
    Words words;
    std::string message;
    int status = 2;
  };
  const std::string missing = host.folder.file("missing");
  const Row rows[] = {
      {{"issue", "www.example.test", "--issuer", "corp"}, "are given with -d: `-d www.example.test`"},
      {{"issue", "--issuer", "corp", "-d"}, "--domain needs a value"},
      {{"issue", "--issuer", "corp", "--as", "a", "--as", "b"}, "--as stands there more than once"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test,b.example.test"}, "-d a.example.test -d b.example.test"},
      {{"issue", "--issuer", "corp", "-d", "https://a.example.test/x"}, "did you mean -d a.example.test?"},
      {{"issue", "--issuer", "corp", "-d", "HTTP://a.example.test:80"}, "did you mean -d a.example.test?"},
      {{"issue", "--issuer", "nosuch", "-d", "a.example.test"}, "--issuer: there is no issuer or authority 'nosuch'"},
      {{"issue", "--issuer", "korp", "-d", "a.example.test"}, "did you mean 'corp'?"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--profile", "srv"},
       "--profile: there is no profile 'srv'"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--key", "rsa"}, "--key: 'rsa' is not one of its values"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--lifetime", "soon"}, "--lifetime: 'soon'"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "-d", "A.example.test"}, "stands there twice"},
      {{"issue", "--issuer", "corp"}, "there is no identifier"},
      {{"issue", "-d", "a.example.test"}, "there is no issuer"},
      {{"issue", "--as", "new", "-d", "a.example.test"}, "there is no issuer"},
      {{"issue", "--issuer", "corp", "--profile", "client", "--subject", "CN=alice", "--as", "alice"},
       "there is no identifier, and CN=alice is none"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--reload", "nginx -t && systemctl reload nginx",
        "--deploy-dir", host.folder.file("tls")},
       "hand it to a shell: --reload \"sh -c '...'\""},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--reload", "true"}, "--reload needs --deploy-dir"},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--deploy-dir", missing}, "--make-dir"},
      {{"issue", "--issuer", "corp", "-d", "evil.test"}, "evil.test is refused, and nothing of it is kept", 1},
      {{"issue", "--issuer", "corp", "-d", "a.example.test", "--once", "--lifetime", "3000d"},
       "nothing of it is kept",
       1},
      {{"issue", "--issuer", "corp", "--csr", missing, "--key", "rsa-2048"}, "missing", 1},
      {{"issue", "--issuer", "corp", "--csr", host.csr("in/x.csr", "DNS:x.example.test"), "--key", "rsa-2048"},
       "--key and --csr exclude each other"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const base::Exit exit = host.run(row.words, row.status);
    CHECK_MESSAGE(says(exit, row.message), exit.errors);
  }
  CHECK_FALSE(std::filesystem::exists(host.folder.file("conf.d/a.example.test.toml")));
  CHECK(nlohmann::json::parse(host.run({"list", "--managed", "--json"}, 0).output).at("certificates").empty());
  CHECK(host.count_signed() == 0);

  const Words accepted[] = {
      {"-d", "a@example.test", "--as", "a", "--profile", "client"},
      {"--subject", "CN=c.example.test"},
      {"-d", "d.example.test", "--deploy-dir", missing + "/below", "--make-dir", "--reload", "sh -c 'true && true'"},
      {"-d", "e.example.test", "--once", "--verify", "none", "--make-dir", "--deploy-dir", missing + "/e"},
  };
  for (Words words : accepted) {
    CAPTURE(words[1]);
    words.insert(words.begin(), {"issue", "--issuer", "corp"});
    host.run(words, 0);
  }
}

TEST_CASE("a URI names a certificate where it is meant as a name") {
  const Host host;
  struct Row {
    std::string typed, san;
  };
  const Row rows[] = {{"spiffe://example.test/a", "URI:spiffe://example.test/a"},
                      {"uri:https://example.test/a", "URI:https://example.test/a"},
                      {"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "URI:urn:uuid:f81d4fae"}};
  for (const Row& row : rows) {
    CAPTURE(row.typed);
    host.run({"issue", "--issuer", "corp", "--profile", "client", "--once", "--replace", "--as", "x", "-d", row.typed},
             0);
    CHECK(san(host, "x").find(row.san) != std::string::npos);
  }
}

TEST_CASE("a rehearsal says what would come of it and leaves no trace") {
  const Host host;
  std::filesystem::create_directory(host.folder.file("tls"));
  const auto digest = [&] { return host.run({"history", "--json"}, 0).output; };
  host.run({"issue", "--issuer", "corp", "-d", "a.example.test"}, 0);
  const std::string before = digest();
  struct Row {
    Words words;
    int status;
    std::string message;
  };
  const Row rows[] = {
      {{"issue", "--issuer", "corp", "-d", "b.example.test"}, 0, "authority corp would sign it for b.example.test"},
      {{"issue", "--issuer", "corp", "-d", "b.example.test", "--once"}, 0, "would sign it"},
      {{"issue", "--as", "a.example.test", "-d", "c.example.test"}, 0, "identifiers: a.example.test -> c.example.test"},
      {{"issue", "--issuer", "corp", "-d", "b.example.test", "--lifetime", "3000d"}, 1, "that profile server allows"},
      {{"issue", "--issuer", "corp", "--csr", host.csr("in/x.csr", "DNS:x.example.test")},
       0,
       "would sign it for x.example"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    Words words = row.words;
    words.emplace_back("--dry-run");
    CHECK(says(host.run(words, row.status), row.message));
  }
  CHECK(digest() == before);
  CHECK_FALSE(std::filesystem::exists(host.folder.file("conf.d/b.example.test.toml")));
  CHECK(host.fragment("a.example.test").find("c.example") == std::string::npos);
}

TEST_CASE("a rehearsal of another directory tells what is deployed and what is taken away, and asks for no signature") {
  const Host host;
  for (const char* const directory : {"tls", "tls2"}) std::filesystem::create_directory(host.folder.file(directory));
  host.run({"issue", "--issuer", "corp", "-d", "a.example.test", "--as", "a", "--deploy-dir", host.folder.file("tls")},
           0);
  const base::Exit rehearsed =
      host.run({"issue", "--as", "a", "--deploy-dir", host.folder.file("tls2"), "--dry-run"}, 0);
  CHECK(says(rehearsed, "deploy version 1 to files, because the configuration of files changed"));
  CHECK(says(rehearsed, "what was put into " + host.folder.file("tls") + " is taken away"));
  CHECK_FALSE(says(rehearsed, "would sign it"));
  const base::Exit as_it_is = host.run({"issue", "--as", "a", "-d", "a.example.test", "--dry-run"}, 0);
  CHECK(says(as_it_is, "is as wanted"));
  CHECK_FALSE(says(as_it_is, "would sign it"));
}
