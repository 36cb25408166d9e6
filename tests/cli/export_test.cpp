// `export`: what leaves is said, and nothing is lost under it.
#include "cli/host.h"

#include <string>

using namespace everseal;
using test::Host;
using test::says;
using test::Words;

TEST_CASE("a private key that is handed over stands in the history, with its version and place") {
  const Host host;
  host.run({"issue", "--issuer", "corp", "-d", "www.example.test", "--as", "www"}, 0);
  host.run({"renew", "www", "--force"}, 0);
  const std::string password = host.folder.write("password", "secret12\n", 0600);
  const std::string key = host.folder.file("www.key");
  const std::string p12 = host.folder.file("www.p12");
  host.run({"export", "www"}, 0);
  host.run({"export", "www", "--format", "der", "--out", host.folder.file("www.der")}, 0);
  CHECK(host.count_events("key.exported") == 0);
  CHECK(says(host.run({"export", "www", "--format", "key", "--version", "1", "--out", key}, 0), "version 1 of www"));
  CHECK(says(host.run({"export", "www", "--format", "p12", "--password-file", password, "--out", p12}, 0),
             "version 2 of www"));
  CHECK(host.count_events("key.exported") == 2);
  const std::string history = host.run({"history", "www", "--json"}, 0).output;
  CHECK(history.find(key) != std::string::npos);
  CHECK(history.find(p12) != std::string::npos);
  CHECK(history.find("secret12") == std::string::npos);
}

TEST_CASE("no key is lost under an export, and a certificate takes the place of an earlier one") {
  const Host host;
  host.run({"issue", "--issuer", "corp", "-d", "www.example.test", "--as", "www"}, 0);
  const std::string key = host.folder.file("www.key");
  const std::string chain = host.folder.file("www.pem");
  host.run({"export", "www", "--format", "key", "--out", key}, 0);
  host.run({"export", "www", "--out", chain}, 0);
  host.run({"export", "www", "--out", chain}, 0);
  const std::string before = host.folder.read("www.key");
  host.run({"renew", "www", "--force"}, 0);
  const Words rejects[] = {{"--format", "key", "--out", key},  // another key
                           {"--out", key},                     // a certificate over a key
                           {"--format", "der", "--out", key},
                           {"--format", "key", "--out", chain}};
  for (Words words : rejects) {
    words.insert(words.begin(), {"export", "www"});
    CHECK(says(host.run(words, 1), "--force"));
  }
  CHECK(host.folder.read("www.key") == before);
  CHECK(host.count_events("key.exported") == 1);
  host.run({"export", "www", "--format", "key", "--out", key, "--force"}, 0);
  CHECK(host.folder.read("www.key") != before);

  const Words wrong[] = {
      {"--version", "x"}, {"--version", "0"}, {"--version", "1x"}, {"--format", "jks"}, {"--format", "key"}};
  for (Words words : wrong) {
    words.insert(words.begin(), {"export", "www"});
    host.run(words, 2);
  }
  CHECK(says(host.run({"export", "www", "--version", "9"}, 1), "`everseal show www`"));
}

TEST_CASE("a serial number is taken however it is written") {
  const Host host;
  const std::string csr = host.csr("in/x.csr", "DNS:x.example.test");
  for (int form = 0; form < 4; ++form) {
    host.folder.write("x.pem", host.run({"ca", "sign", "corp", csr}, 0).output);
    std::string serial = test::look_at(host.folder.file("x.pem"), {"-serial"});
    serial = serial.substr(serial.find('=') + 1);
    serial.pop_back();
    if (form == 1) serial = "0x" + serial;
    if (form == 2) serial = "00" + base::lower(serial);
    if (form == 3) serial.insert(2, 1, ':');
    CAPTURE(serial);
    host.run({"show", serial}, 0);
    CHECK(says(host.run({"revoke", "--serial", serial}, 0), "revoked"));
  }
  host.run({"revoke", "--serial", "xyz"}, 2);
  host.run({"revoke", "--serial", ""}, 2);
}
