#include "system/pebble.h"

#include "system/curl.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace everseal::system {
namespace {

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

struct Identity {
  std::string ca_file;
  std::string certificate;
  std::string key;
};

// A CA and a certificate of its for localhost, as strict verifiers want them.
Identity make_identity(const std::string& directory) {
  const std::string config = directory + "/listener.cnf";
  write_text(config, R"([req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1
)");
  const Identity made{
      .ca_file = directory + "/ca.pem", .certificate = directory + "/listener.pem", .key = directory + "/listener.key"};
  const auto make = [&](const std::string& name, const std::string& key, const std::string& file, Words more) {
    Words words{
        "openssl", "req",   "-x509", "-config", config,        "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-days", "30",    "-subj",   "/CN=" + name, "-keyout", key,  "-out",     file};
    words.insert(words.end(), more.begin(), more.end());
    run_or_fail(std::move(words));
  };
  make("Listener CA", directory + "/ca.key", made.ca_file, {"-extensions", "ca"});
  make("localhost", made.key, made.certificate,
       {"-extensions", "leaf", "-CA", made.ca_file, "-CAkey", directory + "/ca.key"});
  return made;
}

// Runs with all that it says in a file, where it can be read while it runs.
Words logging(const std::string& log_file, Words words) {
  words.insert(words.begin(), {"sh", "-c", R"(exec "$@" >"$0" 2>&1)", log_file});
  return words;
}

std::unique_ptr<Daemon> start(const std::string& log_file, Words words, base::Command how, int port) {
  auto daemon = std::make_unique<Daemon>(logging(log_file, std::move(words)), std::move(how));
  try {
    daemon->wait_for_port(port);
  } catch (const std::exception& error) {
    throw std::runtime_error(fmt::format("{}\n{}", error.what(), read_text(log_file)));
  }
  return daemon;
}

std::string dotted(const std::string& host) { return host.ends_with('.') ? host : host + "."; }

}  // namespace

bool PebbleProgram::at_least(int major, int minor) const {
  int has_major = 0;
  int has_minor = 0;
  const char* const end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, has_major);
  if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, has_minor);
  return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

std::optional<PebbleProgram> find_pebble() {
  const std::string fetched = EVERSEAL_SOURCE_DIR "/build/pebble";
  if (std::filesystem::exists(fetched + "/usr/bin/pebble"))
    return PebbleProgram{.directory = fetched + "/usr/bin", .version = trimmed(read_text(fetched + "/version"))};
  const auto installed = base::find_executable("pebble");
  if (!installed) return std::nullopt;
  return PebbleProgram{.directory = std::filesystem::path(*installed).parent_path().string(),
                       .version = run_or_fail({"dpkg-query", "-W", "-f=${Version}", "pebble"})};
}

Pebble::Pebble(const std::string& directory, const PebbleProgram& program, PebbleOptions options)
    : options_(std::move(options)), version_(program.version), port_(free_port()), management_port_(free_port()) {
  if (options_.http_port == 0) options_.http_port = free_port();
  if (options_.tls_port == 0) options_.tls_port = free_port();
  const std::string home = fmt::format("{}/pebble-{}", directory, port_);
  std::filesystem::create_directory(home);
  log_file_ = home + "/log";
  const Identity identity = make_identity(home);
  ca_file_ = identity.ca_file;

  Json config{{"listenAddress", fmt::format("127.0.0.1:{}", port_)},
              {"managementListenAddress", fmt::format("127.0.0.1:{}", management_port_)},
              {"certificate", identity.certificate},
              {"privateKey", identity.key},
              {"httpPort", options_.http_port},
              {"tlsPort", options_.tls_port},
              {"keyAlgorithm", options_.key_algorithm},
              {"domainBlocklist", options_.blocklist},
              {"externalAccountBindingRequired", !options_.external_accounts.empty()},
              {"externalAccountMACKeys", options_.external_accounts}};
  for (const auto& [name, profile] : options_.profiles)
    config["profiles"][name] = {{"description", profile.description},
                                {"validityPeriod", profile.validity.count()},
                                {"promoteCommonName", profile.promotes_common_name}};
  if (options_.retry_after_authorization) config["retryAfter"]["authz"] = options_.retry_after_authorization->count();
  if (options_.retry_after_order) config["retryAfter"]["order"] = options_.retry_after_order->count();
  write_text(home + "/config.json", Json{{"pebble", config}}.dump(2));

  base::Command how;
  how.environment = {{"PEBBLE_VA_NOSLEEP", "1"},
                     {"PEBBLE_ALTERNATE_ROOTS", std::to_string(options_.alternate_roots)},
                     {"PEBBLE_CHAIN_LENGTH", std::to_string(options_.chain_length)}};
  if (options_.validation == PebbleOptions::Validation::always_valid)
    how.environment.emplace_back("PEBBLE_VA_ALWAYS_VALID", "1");
  if (options_.nonce_reject_percent)
    how.environment.emplace_back("PEBBLE_WFE_NONCEREJECT", std::to_string(*options_.nonce_reject_percent));
  if (options_.authorization_reuse_percent)
    how.environment.emplace_back("PEBBLE_AUTHZREUSE", std::to_string(*options_.authorization_reuse_percent));

  Words words{program.directory + "/pebble", "-config", home + "/config.json"};
  if (options_.strictness == PebbleOptions::Strictness::strict) words.emplace_back("-strict");
  if (!options_.dns_server.empty()) words.insert(words.end(), {"-dnsserver", options_.dns_server});
  daemon_ = start(log_file_, std::move(words), std::move(how), port_);
}

std::string Pebble::url(const std::string& path) const { return fmt::format("https://127.0.0.1:{}/{}", port_, path); }

std::string Pebble::management_url(const std::string& path) const {
  return fmt::format("https://127.0.0.1:{}/{}", management_port_, path);
}

std::string Pebble::log() const { return read_text(log_file_); }

std::size_t Pebble::count_in_log(const std::string& part) const {
  const std::string text = log();
  std::size_t lines = 0;
  for (std::size_t found = text.find(part); found != std::string::npos; ++lines) {
    const std::size_t end = text.find('\n', found);
    found = end == std::string::npos ? end : text.find(part, end);
  }
  return lines;
}

std::vector<std::string> Pebble::requests() const {
  std::vector<std::string> found;
  std::istringstream lines(log());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find(" -> calling handler");
    if (end == std::string::npos) continue;
    const std::size_t path = line.rfind(' ', end - 1);
    const std::size_t method = line.rfind(' ', path - 1) + 1;
    found.push_back(line.substr(method, end - method));
  }
  return found;
}

std::size_t Pebble::orders_placed() const { return count_in_log("Added order "); }

std::size_t Pebble::accounts_made() const { return count_in_log(" accounts in memory"); }

std::size_t Pebble::certificates_issued() const { return count_in_log("Issued certificate serial "); }

std::string Pebble::root(int number) const {
  return http_get(management_url(fmt::format("roots/{}", number)), ca_file_);
}

Json Pebble::status(const std::string& serial) const {
  std::string plain = serial;
  std::erase(plain, ':');
  return Json::parse(http_get(management_url("cert-status-by-serial/" + plain), ca_file_));
}

void Pebble::set_renewal_info(const std::string& certificate_pem, const std::string& response) const {
  http_post(management_url("set-renewal-info/"),
            Json{{"Certificate", certificate_pem}, {"ARIResponse", response}}.dump(), ca_file_);
}

ChallengeTestServer::ChallengeTestServer(const std::string& directory, const PebbleProgram& program)
    : dns_port_(free_port()), management_port_(free_port()) {
  Words words{program.directory + "/pebble-challtestsrv",
              "-management",
              fmt::format("127.0.0.1:{}", management_port_),
              "-dnsserver",
              dns_server(),
              "-http01",
              "",
              "-https01",
              "",
              "-tlsalpn01",
              ""};
  if (program.at_least(2, 10)) words.insert(words.end(), {"-doh", ""});
  daemon_ = start(fmt::format("{}/challtestsrv-{}.log", directory, dns_port_), std::move(words), {}, management_port_);
  daemon_->wait_for_port(dns_port_);
}

std::string ChallengeTestServer::post(const std::string& path, const Json& body) const {
  return http_post(management_url() + "/" + path, body.dump());
}

void ChallengeTestServer::set_default_ipv4(const std::string& address) const {
  post("set-default-ipv4", {{"ip", address}});
}

void ChallengeTestServer::set_default_ipv6(const std::string& address) const {
  post("set-default-ipv6", {{"ip", address}});
}

void ChallengeTestServer::add_a(const std::string& host, const std::vector<std::string>& addresses) const {
  post("add-a", {{"host", dotted(host)}, {"addresses", addresses}});
}

void ChallengeTestServer::set_cname(const std::string& host, const std::string& target) const {
  post("set-cname", {{"host", dotted(host)}, {"target", dotted(target)}});
}

void ChallengeTestServer::add_txt(const std::string& host, const std::string& value) const {
  post("set-txt", {{"host", dotted(host)}, {"value", value}});
}

void ChallengeTestServer::clear_txt(const std::string& host) const { post("clear-txt", {{"host", dotted(host)}}); }

void ChallengeTestServer::set_servfail(const std::string& host) const {
  post("set-servfail", {{"host", dotted(host)}});
}

void ChallengeTestServer::clear_servfail(const std::string& host) const {
  post("clear-servfail", {{"host", dotted(host)}});
}

std::size_t ChallengeTestServer::count_questions(const std::string& host) const {
  return Json::parse(post("dns-request-history", {{"host", host}})).size();
}

}  // namespace everseal::system
