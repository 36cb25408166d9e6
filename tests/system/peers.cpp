#include "system/peers.h"

#include "base/encoding.h"
#include "base/time.h"
#include "pki/digest.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

namespace everseal::system {
namespace {

namespace fs = std::filesystem;

constexpr auto kEmail = "admin@example.org";

// How each calls a type of key: lego's --key-type and acme.sh's --keylength.
struct KeyNames {
  pki::KeyType type;
  std::string lego;
  std::string acme_sh;
};

const KeyNames& names_of(pki::KeyType type) {
  static const std::vector<KeyNames> all{{pki::KeyType::ecdsa_p256, "ec256", "ec-256"},
                                         {pki::KeyType::ecdsa_p384, "ec384", "ec-384"},
                                         {pki::KeyType::rsa_2048, "rsa2048", "2048"},
                                         {pki::KeyType::rsa_4096, "rsa4096", "4096"}};
  const auto found = std::ranges::find(all, type, &KeyNames::type);
  if (found == all.end()) throw std::runtime_error("not all peers have keys of type " + std::string(to_string(type)));
  return *found;
}

Words certbot_key_words(pki::KeyType type) {
  switch (type) {
    case pki::KeyType::ecdsa_p256:
      return {"--key-type", "ecdsa"};
    case pki::KeyType::ecdsa_p384:
      return {"--key-type", "ecdsa", "--elliptic-curve", "secp384r1"};
    default:
      return {"--key-type", "rsa", "--rsa-key-size", names_of(type).acme_sh};
  }
}

// The web server that Pebble asks.
std::unique_ptr<Daemon> serve(const std::string& webroot, int port) {
  fs::create_directories(webroot);
  auto server = std::make_unique<Daemon>(
      Words{"python3", "-m", "http.server", std::to_string(port), "--bind", "127.0.0.1", "--directory", webroot});
  server->wait_for_port(port);
  return server;
}

// A shell command that does `verb` with a record in Pebble's DNS.
std::string dns_command(const AcmeSite& acme, const std::string& verb, const std::string& name,
                        const std::string& value) {
  return fmt::format(
      R"(printf '{{"host":"%s","value":"%s"}}' "{}" "{}" | curl --silent --fail --noproxy '*' --data-binary @- {}/{})",
      name, value, acme.names().management_url(), verb);
}

std::string without_scheme(const std::string& url) { return url.substr(url.find("://") + 3); }

std::string only_entry(const std::string& directory) {
  const fs::directory_iterator entries(directory);
  if (entries == fs::directory_iterator()) throw std::runtime_error("there is nothing in " + directory);
  return entries->path().string();
}

bool is_elliptic(pki::KeyType type) { return type == pki::KeyType::ecdsa_p256 || type == pki::KeyType::ecdsa_p384; }

// As acme.sh does it: the older forms of PEM.
void make_key(pki::KeyType type, const std::string& file) {
  const std::string pem = is_elliptic(type)
                              ? run_or_fail({"openssl", "ecparam", "-noout", "-genkey", "-name",
                                             type == pki::KeyType::ecdsa_p256 ? "prime256v1" : "secp384r1"})
                              : run_or_fail({"openssl", "genrsa", "-traditional", names_of(type).acme_sh});
  write_text(file, pem, 0600);
}

// One line of a file that acme.sh sources.
std::string line(const std::string& name, const std::string& value) {
  static const std::set<std::string> encoded{"Le_PreHook", "Le_PostHook", "Le_RenewHook", "Le_Preferred_Chain",
                                             "Le_ReloadCmd"};
  if (value.empty() || !encoded.contains(name)) return fmt::format("{}='{}'\n", name, value);
  return fmt::format("{}='__ACME_BASE64__START_{}__ACME_BASE64__END_'\n", name, base::base64(base::as_bytes(value)));
}

std::string lines(const std::string& name, base::Time when) {
  return line(name, std::to_string(base::to_unix(when))) + line(name + "Str", base::format_time(when));
}

}  // namespace

PebbleOptions peaceful(PebbleOptions options) {
  options.nonce_reject_percent = 0;
  return options;
}

Certbot::Certbot(const AcmeSite& acme, const std::string& name)
    : acme_(acme), directory_(acme.site / name), webroot_(acme.site / (name + ".webroot")) {
  fs::create_directory(directory_ + ".python");
  // It sleeps whole seconds before it asks Pebble again.
  write_text(directory_ + ".python/sitecustomize.py",
             "import time\nsleep = time.sleep\ntime.sleep = lambda seconds: sleep(min(seconds, 0.05))\n");
}

void Certbot::run(Words words) const {
  words.insert(words.begin(), "certbot");
  words.insert(words.end(), {"--non-interactive", "--config-dir", directory_, "--work-dir", directory_ + ".work",
                             "--logs-dir", directory_ + ".logs"});
  base::Command how;
  how.environment = {{"REQUESTS_CA_BUNDLE", acme_.pebble.ca_file()}, {"PYTHONPATH", directory_ + ".python"}};
  run_or_fail(std::move(words), how);
}

void Certbot::obtain(const PeerRequest& request, Proof proof) const {
  Words words{"certonly", "--server", acme_.pebble.directory_url(), "--agree-tos", "--email", kEmail};
  for (const std::string& name : request.names) words.insert(words.end(), {"--domain", name});
  const Words key = certbot_key_words(request.key);
  words.insert(words.end(), key.begin(), key.end());
  std::unique_ptr<Daemon> server;
  switch (proof) {
    case Proof::standalone:
      words.insert(words.end(), {"--standalone", "--http-01-address", "127.0.0.1", "--http-01-port",
                                 std::to_string(acme_.pebble.http_port())});
      break;
    case Proof::webroot:
      server = serve(webroot_, acme_.pebble.http_port());
      words.insert(words.end(), {"--webroot", "--webroot-path", webroot_});
      break;
    case Proof::manual_dns: {
      const auto hook = [&](const std::string& verb) {
        return acme_.site.script("certbot-" + verb,
                                 dns_command(acme_, verb, "_acme-challenge.$CERTBOT_DOMAIN.", "$CERTBOT_VALIDATION"));
      };
      words.insert(words.end(), {"--manual", "--preferred-challenges", "dns", "--manual-auth-hook", hook("set-txt"),
                                 "--manual-cleanup-hook", hook("clear-txt")});
      break;
    }
  }
  words.insert(words.end(), request.more.begin(), request.more.end());
  run(std::move(words));
}

void Certbot::renew(const std::string& lineage) const {
  const bool webroot = contains(read_text(directory_ + "/renewal/" + lineage + ".conf"), "authenticator = webroot");
  const auto server = webroot ? serve(webroot_, acme_.pebble.http_port()) : nullptr;
  run({"renew", "--cert-name", lineage, "--force-renewal", "--no-random-sleep-on-renew"});
}

std::string Certbot::account_directory() const {
  return only_entry(directory_ + "/accounts/" + without_scheme(acme_.pebble.directory_url()));
}

std::string Certbot::account_url() const {
  return Json::parse(read_text(account_directory() + "/regr.json")).at("uri").get<std::string>();
}

Lego::Lego(const AcmeSite& acme, const std::string& name) : acme_(acme), directory_(acme.site / name) {}

void Lego::run(const PeerRequest& request, const Words& command) const {
  // lego asks whether a name is proved as soon as it said that it may be, and next after five seconds or so. Held up a
  // little at all that it writes, it asks when Pebble has looked.
  Words words{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:delay_enter=20000"};
  words.insert(words.end(), {"lego", "--accept-tos", "--server", acme_.pebble.directory_url(), "--path", directory_,
                             "--email", kEmail, "--key-type", names_of(request.key).lego});
  words.insert(words.end(), request.more.begin(), request.more.end());
  if (std::ranges::find(request.more, "--csr") == request.more.end())
    for (const std::string& name : request.names) words.insert(words.end(), {"--domains", name});
  base::Command how;
  how.environment = {{"LEGO_CA_CERTIFICATES", acme_.pebble.ca_file()}};
  std::unique_ptr<Daemon> server;
  if (std::ranges::any_of(request.names, [](const std::string& name) { return name.starts_with("*."); })) {
    const std::string hook = acme_.site.script(
        "lego-dns", fmt::format("case $1 in present) {} ;; *) {} ;; esac", dns_command(acme_, "set-txt", "$2", "$3"),
                                dns_command(acme_, "clear-txt", "$2", "$3")));
    how.environment.insert(how.environment.end(),
                           {{"EXEC_PATH", hook}, {"EXEC_POLLING_INTERVAL", "1"}, {"EXEC_SEQUENCE_INTERVAL", "0"}});
    words.insert(words.end(), {"--dns", "exec", "--dns.disable-cp", "--dns.resolvers", acme_.names().dns_server()});
  } else {
    const std::string webroot = directory_ + ".webroot";
    server = serve(webroot, acme_.pebble.http_port());
    words.insert(words.end(), {"--http", "--http.webroot", webroot});
  }
  words.insert(words.end(), command.begin(), command.end());
  run_or_fail(std::move(words), how);
}

void Lego::renew(const PeerRequest& request) const { run(request, {"renew", "--days", "3650", "--no-random-sleep"}); }

std::string Lego::account_directory() const {
  std::string host = without_scheme(acme_.pebble.directory_url());
  host.resize(host.find('/'));
  std::ranges::replace(host, ':', '_');
  return directory_ + "/accounts/" + host + "/" + kEmail;
}

std::string Lego::account_url() const {
  return Json::parse(read_text(account_directory() + "/account.json")).at("registration").at("uri").get<std::string>();
}

std::string Lego::file(const std::string& name, const std::string& suffix) const {
  std::string base = name;
  std::ranges::replace(base, '*', '_');
  return directory_ + "/certificates/" + base + suffix;
}

AcmeSh::AcmeSh(const AcmeSite& acme, const std::string& name, pki::KeyType account_key)
    : acme_(acme), lego_(acme, name + ".lego"), directory_(acme.site / name) {
  fs::create_directories(account_directory());
  make_key(account_key, account_directory() + "/account.key");
  const std::string key = lego_.account_directory() + "/keys/" + kEmail + ".key";
  fs::create_directories(fs::path(key).parent_path());
  fs::copy_file(account_directory() + "/account.key", key);
  write_text(directory_ + "/account.conf",
             fmt::format("\n\n#LOG_FILE=\"{0}/acme.sh.log\"\n#LOG_LEVEL=1\n\n#AUTO_UPGRADE=\"1\"\n\n{1}", directory_,
                         line("ACCOUNT_EMAIL", kEmail)),
             0600);
}

void AcmeSh::obtain(const AcmeShRequest& request) const {
  const std::string& first = request.names.front();
  const std::string home = directory_ + "/" + first + (is_elliptic(request.key) ? "_ecc" : "");
  fs::create_directories(home);
  const std::string stem = home + "/" + first;
  make_key(request.key, stem + ".key");
  std::string alternatives;
  for (const std::string& name : request.names) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  run_or_fail({"openssl", "req", "-new", "-sha256", "-key", stem + ".key", "-subj", "/CN=" + first, "-addext",
               "subjectAltName=" + alternatives, "-out", stem + ".csr"});
  lego_.run({.names = request.names, .more = {"--csr", stem + ".csr"}}, {"run"});

  const std::string chain = read_text(lego_.chain_file(first));
  const std::string issuers = read_text(lego_.file(first, ".issuer.crt"));
  write_text(home + "/fullchain.cer", chain);
  write_text(home + "/ca.cer", issuers);
  write_text(stem + ".cer", chain.substr(0, chain.find("-----BEGIN", 1)));

  const base::Time now = base::wall_clock();
  std::string others;
  for (std::size_t i = 1; i < request.names.size(); ++i) others += (i == 1 ? "" : ",") + request.names[i];
  std::string text =
      line("Le_Domain", first) + line("Le_Alt", others.empty() ? "no" : others) + line("Le_Webroot", request.webroot);
  for (const char* const hook : {"Le_PreHook", "Le_PostHook", "Le_RenewHook"})
    if (!request.lines.contains(hook)) text += line(hook, "");
  text += line("Le_API", acme_.pebble.directory_url()) + line("Le_Keylength", names_of(request.key).acme_sh) +
          line("Le_LinkCert", Json::parse(read_text(lego_.file(first, ".json"))).at("certUrl").get<std::string>()) +
          lines("Le_CertCreateTime", now) + lines("Le_NextRenewTime", now + std::chrono::days(30));
  for (const auto& [name, value] : request.lines) text += line(name, value);
  write_text(stem + ".conf", text, 0600);

  const std::string account = account_directory();
  const Json registration = Json::parse(read_text(lego_.account_directory() + "/account.json")).at("registration");
  write_text(account + "/account.json", registration.at("body").dump() + "\n");
  const pki::Sha256 hash = pki::sha256(base::as_bytes(read_text(account + "/account.key")));
  write_text(account + "/ca.conf",
             line("CA_EMAIL", kEmail) + line("ACCOUNT_URL", registration.at("uri").get<std::string>()) +
                 line("CA_KEY_HASH", base::base64(hash)),
             0600);
}

void AcmeSh::save(const std::string& name, const std::string& value) const {
  const std::string file = directory_ + "/account.conf";
  write_text(file, read_text(file) + line(name, value), 0600);
}

std::string AcmeSh::key_file(const std::string& folder) const {
  std::string name = folder;
  if (name.ends_with("_ecc")) name.resize(name.size() - 4);
  return directory_ + "/" + folder + "/" + name + ".key";
}

}  // namespace everseal::system
