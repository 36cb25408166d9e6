#include "cli.h"

#include <set>

#include <sys/stat.h>

using namespace everseal;
using nlohmann::json;
using test::Folder;
using test::run_everseal;

namespace {

json inspected(const std::string& file, test::Words more = {}) {
  more.insert(more.begin(), {"inspect", file, "--json"});
  const base::Exit exit = run_everseal(more);
  test::require_success(exit);
  CHECK(test::is_harmless(exit.output));
  return json::parse(exit.output);
}

std::set<std::string> rules(const json& document) {
  std::set<std::string> found;
  for (const json& trouble : document["troubles"]) found.insert(trouble["rule"].get<std::string>());
  return found;
}

using Rules = std::set<std::string>;

// A Java key store of one trusted certificate, sealed as keytool does.
std::string key_store_of(const std::string& der, const std::string& password) {
  const auto number = [](std::size_t value, int octets) {
    std::string text;
    while (octets-- > 0) text += static_cast<char>(value >> (8 * octets) & 0xff);
    return text;
  };
  const auto word = [&](const std::string& text) { return number(text.size(), 2) + text; };
  const std::string store = number(0xfeedfeed, 4) + number(2, 4) + number(1, 4) + number(2, 4) + word("ca") +
                            number(0, 8) + word("X.509") + number(der.size(), 4) + der;
  std::string sealed;
  for (const char c : password) sealed += number(static_cast<unsigned char>(c), 2);
  const base::Exit digest = test::run({"openssl", "dgst", "-sha1", "-binary"}, sealed + "Mighty Aphrodite" + store);
  test::require_success(digest);
  return store + digest.output;
}

// A root, an intermediate and a leaf for www.example.test, as root.pem, sub.pem, leaf.pem with their keys.
struct Chain : Folder {
  Chain() {
    openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "@root.key", "-out", "@root.pem", "-subj",
             "/CN=Test Root", "-days", "3650"});
    issue("sub", "/CN=Test Sub", "root",
          "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n", "1000");
    issue("leaf", "/CN=www.example.test", "sub",
          "subjectAltName=DNS:www.example.test,IP:192.0.2.1\nextendedKeyUsage=serverAuth\n", "90");
  }
  void issue(const std::string& name, const std::string& subject, const std::string& issuer,
             const std::string& extensions, const std::string& days, const std::string& digest = "-sha256",
             const std::string& key = "ec") const {
    const test::Words kind = key == "ec" ? test::Words{"ec", "-pkeyopt", "ec_paramgen_curve:P-256"} : test::Words{key};
    test::Words words{"req", "-new", "-nodes", "-newkey"};
    words.insert(words.end(), kind.begin(), kind.end());
    words.insert(words.end(), {"-keyout", "@" + name + ".key", "-out", "@" + name + ".csr", "-subj", subject});
    openssl(words);
    write(name + ".ext", extensions);
    openssl({"x509", "-req", "-in", "@" + name + ".csr", "-CA", "@" + issuer + ".pem", "-CAkey", "@" + issuer + ".key",
             "-CAcreateserial", "-out", "@" + name + ".pem", "-days", days, "-extfile", "@" + name + ".ext", digest});
  }
  std::string joined(const test::Words& names) const {
    std::string text;
    for (const std::string& name : names) text += read(name);
    return write("joined.pem", text);
  }
};

}  // namespace

TEST_CASE("a chain is decoded and a good one is without trouble") {
  const Chain chain;
  const json document = inspected(chain.joined({"leaf.pem", "sub.pem"}));
  CHECK(document["form"] == "PEM");
  REQUIRE(document["items"].size() == 2);
  const json& leaf = document["items"][0];
  CHECK(leaf["type"] == "certificate");
  CHECK(leaf["subject"] == "CN=www.example.test");
  CHECK(leaf["issuer"] == "CN=Test Sub");
  CHECK(leaf["names"] ==
        json::parse(R"([{"kind":"dns","value":"www.example.test"},{"kind":"ip","value":"192.0.2.1"}])"));
  CHECK(leaf["key"] == "ECDSA P-256");
  CHECK(leaf["extended_key_usage"] == json::parse(R"(["serverAuth"])"));
  CHECK(leaf["is_ca"] == false);
  CHECK(document["items"][1]["path_length"] == 0);
  CHECK(document["troubles"] == json::array());

  const base::Exit text = run_everseal({"inspect", chain.file("joined.pem")});
  test::require_success(text);
  CHECK(test::is_harmless(text.output));
  CHECK(text.output.find("dns www.example.test") != std::string::npos);
  CHECK(text.output.find("No trouble found") != std::string::npos);
}

TEST_CASE("the fingerprint is the one that openssl prints") {
  const Chain chain;
  const base::Exit exit =
      test::run({"openssl", "x509", "-in", chain.file("leaf.pem"), "-noout", "-fingerprint", "-sha256"});
  std::string expected = base::lower(base::trim(exit.output.substr(exit.output.find('=') + 1)));
  std::erase(expected, ':');
  CHECK(inspected(chain.file("leaf.pem"))["items"][0]["fingerprint"] == expected);
}

TEST_CASE("trouble is told by its rule") {
  const Chain chain;
  const std::string san = "subjectAltName=DNS:a.test\n";
  chain.issue("cn-only", "/CN=only.test", "sub", "keyUsage=digitalSignature\n", "90");
  chain.issue("nameless", "/O=nobody", "sub", "keyUsage=digitalSignature\n", "90");
  chain.issue("apple", "/CN=a.test", "sub", san, "900");
  chain.issue("long", "/CN=a.test", "sub", san, "500");
  chain.issue("weak", "/CN=a.test", "sub", san, "90", "-sha256", "rsa:1024");
  chain.issue("sha1", "/CN=a.test", "sub", san, "90", "-sha1");
  chain.openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "@self.key", "-out", "@self.pem", "-subj",
                 "/CN=a.test", "-addext", "subjectAltName=DNS:a.test", "-addext", "basicConstraints=critical,CA:FALSE",
                 "-days", "90"});

  struct Row {
    test::Words files;
    Rules expected;
  };
  const Row rows[] = {
      {{"leaf.pem"}, {}},
      {{"leaf.pem", "sub.pem", "root.pem"}, {"root_included"}},
      {{"sub.pem", "leaf.pem"}, {"chain_order"}},
      {{"leaf.pem", "root.pem", "sub.pem"}, {"chain_order"}},
      {{"leaf.pem", "sub.pem", "leaf.key"}, {}},
      {{"leaf.key", "leaf.pem"}, {}},
      {{"leaf.pem", "sub.pem", "root.key"}, {"key_mismatch"}},
      {{"root.pem", "sub.pem"}, {}},
      {{"cn-only.pem"}, {"name_only_in_cn"}},
      {{"nameless.pem"}, {"no_names"}},
      {{"apple.pem"}, {"lifetime"}},
      {{"long.pem"}, {"lifetime"}},
      {{"weak.pem"}, {"weak_key"}},
      {{"sha1.pem"}, {"weak_signature"}},
      {{"self.pem"}, {"self_signed"}},
      {{"leaf.csr"}, {"no_names"}},
  };
  for (const Row& row : rows) {
    CAPTURE(base::join(row.files, " "));
    const json document = inspected(chain.joined(row.files));
    CHECK_MESSAGE(rules(document) == row.expected, document["troubles"].dump());
  }
}

TEST_CASE("a certificate out of its time is told with the distance") {
  const Folder folder;
  const auto make = [&](const char* begin, const char* end) {
    folder.openssl(
        {"req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "@k.pem", "-out", "@r.csr", "-subj", "/CN=t.test"});
    folder.write("db", "");
    folder.write("serial", "01");
    folder.write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=" + folder.file("") +
                               "\ndatabase=" + folder.file("db") + "\nserial=" + folder.file("serial") +
                               "\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\nCN=supplied\ncommonName="
                               "supplied\n[x]\nsubjectAltName=DNS:t.test\n");
    folder.openssl({"ca", "-batch", "-selfsign", "-config", "@ca.cnf", "-keyfile", "@k.pem", "-in", "@r.csr", "-out",
                    "@c.pem", "-startdate", begin, "-enddate", end, "-notext"});
    return rules(inspected(folder.file("c.pem")));
  };
  CHECK(make("20200101000000Z", "20210101000000Z").contains("expired"));
  CHECK(make("20480101000000Z", "20490101000000Z").contains("not_yet_valid"));
}

TEST_CASE("requests, keys, CRLs, DER and PKCS#12 are decoded") {
  const Chain chain;
  chain.write("password", "quite secret\n", 0600);
  chain.openssl({"x509", "-in", "@leaf.pem", "-outform", "DER", "-out", "@leaf.der"});
  chain.openssl({"req", "-in", "@leaf.csr", "-outform", "DER", "-out", "@csr.der"});
  chain.openssl({"pkcs8", "-topk8", "-in", "@leaf.key", "-out", "@encrypted.key", "-passout", "pass:quite secret"});
  chain.openssl({"pkcs8", "-topk8", "-in", "@leaf.key", "-outform", "DER", "-out", "@encrypted.der", "-passout",
                 "pass:quite secret"});
  chain.openssl({"pkcs8", "-topk8", "-nocrypt", "-in", "@leaf.key", "-outform", "DER", "-out", "@key.der"});
  chain.openssl({"pkey", "-in", "@leaf.key", "-pubout", "-out", "@public.pem"});
  const std::string both = chain.joined({"leaf.pem", "sub.pem"});
  chain.openssl({"crl2pkcs7", "-nocrl", "-certfile", both, "-out", "@leaf.p7b"});
  chain.openssl({"crl2pkcs7", "-nocrl", "-certfile", both, "-outform", "DER", "-out", "@der.p7b"});
  chain.write("trust.jks", key_store_of(chain.read("leaf.der"), "changeit"));
  chain.write("closed.jks", key_store_of(chain.read("leaf.der"), "quite secret"));
  chain.openssl({"pkcs12", "-export", "-inkey", "@leaf.key", "-in", "@leaf.pem", "-certfile", "@sub.pem", "-out",
                 "@leaf.p12", "-passout", "pass:quite secret"});
  chain.write("index", "R\t490101000000Z\t260101000000Z,keyCompromise\t1234\tunknown\t/CN=gone\n");
  chain.write("crl.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=" + chain.file("index") +
                             "\ndefault_md=sha256\ndefault_crl_days=30\n");
  chain.openssl(
      {"ca", "-gencrl", "-config", "@crl.cnf", "-cert", "@root.pem", "-keyfile", "@root.key", "-out", "@list.crl"});
  chain.openssl({"crl", "-in", "@list.crl", "-outform", "DER", "-out", "@list.der"});

  const test::Words with_password{"--password-file", chain.file("password")};
  struct Row {
    const char* file;
    test::Words more;
    const char* form;
    test::Words types;
  };
  const Row rows[] = {
      {"leaf.pem", {}, "PEM", {"certificate"}},
      {"leaf.der", {}, "DER", {"certificate"}},
      {"leaf.csr", {}, "PEM", {"certificate_request"}},
      {"csr.der", {}, "DER", {"certificate_request"}},
      {"leaf.key", {}, "PEM", {"private_key"}},
      {"key.der", {}, "DER", {"private_key"}},
      {"encrypted.key", {}, "PEM", {"private_key"}},
      {"encrypted.key", with_password, "PEM", {"private_key"}},
      {"encrypted.der", with_password, "DER", {"private_key"}},
      {"list.crl", {}, "PEM", {"crl"}},
      {"list.der", {}, "DER", {"crl"}},
      {"public.pem", {}, "PEM", {"other"}},
      {"leaf.p7b", {}, "PEM", {"certificate", "certificate"}},
      {"der.p7b", {}, "PKCS#7", {"certificate", "certificate"}},
      {"trust.jks", {}, "JKS", {"certificate"}},
      {"closed.jks", with_password, "JKS", {"certificate"}},
      {"leaf.p12", with_password, "PKCS#12", {"private_key", "certificate", "certificate"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const json document = inspected(chain.file(row.file), row.more);
    CHECK(document["form"] == row.form);
    test::Words types;
    for (const json& item : document["items"]) types.push_back(item["type"]);
    CHECK(types == row.types);
    const bool is_request = types.front() == "certificate_request";  // openssl made it without names
    CHECK_MESSAGE(rules(document) == (is_request ? Rules{"no_names"} : Rules{}), document["troubles"].dump());
  }
  CHECK(inspected(chain.file("encrypted.key"))["items"][0]["encrypted"] == true);
  CHECK(inspected(chain.file("encrypted.key"), with_password)["items"][0]["key"] == "ecdsa-p256");
  CHECK(inspected(chain.file("list.crl"))["items"][0]["revoked"][0]["reason"] == "keyCompromise");
  CHECK(inspected(chain.file("list.crl"))["items"][0]["revoked"][0]["serial"] == "1234");

  const base::Exit locked = run_everseal({"inspect", chain.file("leaf.p12"), "--json"});
  CHECK(locked.status == 2);
  CHECK(json::parse(locked.output)["error"]["hint"].get<std::string>().find("--password-file") != std::string::npos);
  chain.write("wrong", "not it\n", 0600);
  CHECK(run_everseal({"inspect", chain.file("leaf.p12"), "--password-file", chain.file("wrong")}).status == 1);
  CHECK(run_everseal({"inspect", "-", "--json"}, chain.read("leaf.pem")).status == 0);
}

TEST_CASE("no key material is ever shown") {
  const Chain chain;
  const std::string key = chain.read("leaf.key");
  const std::string body = key.substr(key.find('\n') + 1, 40);
  for (const char* form : {"", "--json"}) {
    test::Words words{"inspect", chain.file("leaf.key")};
    if (*form != '\0') words.emplace_back(form);
    const base::Exit exit = run_everseal(words);
    test::require_success(exit);
    CHECK(exit.output.find(body) == std::string::npos);
  }
}

TEST_CASE("what is no certificate is refused with what it is") {
  const Chain chain;
  const std::string der = [&] {
    chain.openssl({"x509", "-in", "@leaf.pem", "-outform", "DER", "-out", "@leaf.der"});
    return chain.read("leaf.der");
  }();
  const std::string pem = chain.read("leaf.pem");
  struct Row {
    const char* what;
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {"empty", "", "empty"},
      {"text", "just some words\n", "text without a PEM block"},
      {"binary",
       std::string("\x7f"
                   "ELF\x02\x01\x00\xff",
                   8),
       "binary data"},
      {"zeros", std::string(1000, '\0'), "1000 octets of zero"},
      {"truncated DER", der.substr(0, der.size() / 2), "cut off"},
      {"truncated PEM", pem.substr(0, pem.size() / 2), "cannot decode"},
      {"broken base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "cannot decode"},
      {"PEM of nothing", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "cannot decode"},
      {"garbage in DER", std::string("\x30\x06\x30\x04\x30\x02\x05\x00", 8), "cannot decode"},
      {"an endless head", std::string("\x30\x84\xff\xff\xff\xff\x30", 7), "cut off"},
      {"an indefinite length", std::string("\x30\x80\x30\x80\x00\x00\x00\x00", 8), "cannot decode"},
      {"only a head", "0", "cannot decode"},
      {"nested without end", std::string(100'000, '\x30'), "cannot decode"},
      {"junk after DER", der + "junk", "cannot decode"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const base::Exit exit = run_everseal({"inspect", chain.write("bad", row.text)});
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == 1);
    CHECK(exit.output == "");
    CHECK_MESSAGE(exit.errors.find(row.message) != std::string::npos, exit.errors);
    CHECK(exit.errors.find(chain.file("bad")) != std::string::npos);
    CHECK(test::is_harmless(exit.errors));
  }
}

TEST_CASE("every truncation and many mutations of a certificate are survived") {
  const Chain chain;
  chain.openssl({"x509", "-in", "@leaf.pem", "-outform", "DER", "-out", "@leaf.der"});
  const std::string der = chain.read("leaf.der");
  for (std::size_t i = 0; i < der.size(); i += 7) {
    CAPTURE(i);
    std::string mutated = der;
    mutated[i] = static_cast<char>(mutated[i] ^ 0xff);
    const base::Exit exit = run_everseal({"inspect", chain.write("bad", mutated)});
    CHECK(exit.how == base::Exit::How::exited);
    CHECK((exit.status == 0 || exit.status == 1));
    CHECK(test::is_harmless(exit.output + exit.errors));
    CHECK(run_everseal({"inspect", chain.write("bad", der.substr(0, i))}).status == 1);
  }
}

TEST_CASE("what is larger than any file of certificates is refused, and what never ends") {
  const Folder folder;
  const std::string huge = folder.write("huge", "");
  REQUIRE(::truncate(huge.c_str(), 1 << 30) == 0);
  const base::Exit exit = run_everseal({"inspect", huge});
  CHECK(exit.status == 1);
  CHECK(exit.errors.find("larger than") != std::string::npos);
  const base::Exit endless = run_everseal({"inspect", "/dev/zero"});
  CHECK(endless.errors.find("no regular file") != std::string::npos);
}

TEST_CASE("a pipe and what is not there are refused at once") {
  const Folder folder;
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  for (const std::string& path : {folder.file("pipe"), std::string("/dev/null/x"), folder.file("absent")}) {
    CAPTURE(path);
    const base::Exit exit = run_everseal({"inspect", path});
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == 1);
    CHECK(exit.errors.starts_with("everseal: "));
  }
}

TEST_CASE("a hostile certificate with ten thousand names is harmless in every form") {
  const Folder folder;
  // NUL cannot be written through a configuration; the DER form of an IA5String can hold it.
  const std::string evil(
      "a\r\n\x1b[2J\0\x07\xe2\x80\xae"
      "b.test",
      18);
  std::string config =
      "[req]\ndistinguished_name=d\nx509_extensions=x\nprompt=no\nstring_mask=utf8only\nutf8=yes\n[d]\nCN=safe\nO="
      "FORMAT_O\n[x]\n"
      "subjectAltName=@s\n[s]\n";
  config.replace(config.find("FORMAT_O"), 8, "before\\\x1b[31m\u202e after");
  for (int i = 0; i < 10'000; ++i)
    config += "DNS." + std::to_string(i) + "=EVIL" + std::to_string(10'000 + i) + "xxxxxxxxxx.test\n";
  folder.write("evil.cnf", config);
  folder.openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "@k.pem", "-out", "@evil.pem", "-config",
                  "@evil.cnf"});
  folder.openssl({"x509", "-in", "@evil.pem", "-outform", "DER", "-out", "@evil.der"});
  std::string der = folder.read("evil.der");
  std::size_t replaced = 0;
  for (auto at = der.find("EVIL1"); at != std::string::npos; at = der.find("EVIL1", at + 1), ++replaced) {
    der.replace(at, evil.size(), evil);
  }
  REQUIRE(replaced == 10'000);
  folder.write("evil.der", der);

  const base::Exit text = run_everseal({"inspect", folder.file("evil.der")});
  test::require_success(text);
  CHECK(test::is_harmless(text.output));
  CHECK(text.output.find("and 9980 more") != std::string::npos);
  CHECK(text.output.find("\\x1b[2J") != std::string::npos);
  CHECK(text.output.size() < 20'000);

  const base::Exit document = run_everseal({"inspect", folder.file("evil.der"), "--json"});
  test::require_success(document);
  CHECK(test::is_harmless(document.output));
  const json parsed = json::parse(document.output);
  REQUIRE(parsed["items"][0]["names"].size() == 10'000);
  CHECK(parsed["items"][0]["names"][9999]["value"].get<std::string>().starts_with(evil));
}
