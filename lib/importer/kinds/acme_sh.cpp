// acme.sh's directory: account.conf, ca/SERVER/.../account.key, NAME/ and NAME_ecc/ with NAME.conf.
#include "base/encoding.h"
#include "base/error.h"
#include "base/text.h"
#include "importer/assignments.h"
#include "importer/dns_plugins.h"
#include "importer/foreign_files.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;
using base::printable;

constexpr int kDeepestAccount = 8;
constexpr std::string_view kEcc = "_ecc";

struct Leftover {
  std::string_view variable;
  std::string_view text;
  std::string_view advice;
};
constexpr Leftover kLeftovers[] = {
    {"Le_PreHook", "had a hook that is not taken over", "make it a hook of your own where it is still needed"},
    {"Le_PostHook", "had a hook that is not taken over", "make it the `reload` of a deployment"},
    {"Le_RenewHook", "had a hook that is not taken over", "make it the `reload` of a deployment"},
    {"Le_ReloadCmd", "had a reload command that is not taken over", "make it the `reload` of a deployment"},
    {"Le_RenewalDays", "had a renewal time of its own; here the CA says when, else a third of its life before its end",
     ""},
    {"Le_DeployHook", "had a deploy hook that is not taken over", "everseal kinds deploy lists what can be done here"},
};

class Reading {
 public:
  explicit Reading(std::string directory) : directory_(std::move(directory)) {}

  Found run() {
    const auto settings = read_text(directory_ + "/account.conf");
    if (!settings && !fs::is_directory(directory_ + "/ca"))
      throw base::Error(base::Fault::config, fmt::format("{} has neither account.conf nor ca/", printable(directory_)),
                        "name acme.sh's directory, usually /root/.acme.sh");
    settings_ = parse_assignments(settings.value_or(""));
    certificates_ = text_at(settings_, "CERT_HOME");
    if (!fs::is_directory(certificates_)) certificates_ = directory_;
    read_accounts("", 0);
    for (const std::string& folder : names_in(certificates_)) {
      const std::string name = folder.ends_with(kEcc) ? folder.substr(0, folder.size() - kEcc.size()) : folder;
      if (fs::is_regular_file(fmt::format("{}/{}/{}.conf", certificates_, folder, name)))
        each_alone(found_, printable(folder), [&] { read_lineage(folder, name); });
    }
    for (auto& [name, value] : settings_) base::wipe(value.data(), value.size());
    if (!found_.lineages.empty())
      leave(printable(directory_),
            "acme.sh keeps a key at renewals unless told otherwise; each renewal here makes a new one",
            "change whatever pins an old key, such as TLSA records");
    return std::move(found_);
  }

 private:
  void leave(const std::string& subject, std::string text, std::string advice = {}) {
    found_.remarks.push_back({Remark::Kind::left, subject, std::move(text), std::move(advice)});
  }

  // Below ca/ the path is that of the server's directory, without its port.
  void read_accounts(const std::string& below, int depth) {
    const std::string folder = directory_ + "/ca" + below;
    if (fs::exists(folder + "/account.key")) each_alone(found_, printable("ca" + below), [&] { read_account(below); });
    if (depth == kDeepestAccount) return;
    for (const std::string& name : names_in(folder))
      if (name != "deactivated" && fs::is_directory(folder + "/" + name)) read_accounts(below + "/" + name, depth + 1);
  }

  void read_account(const std::string& below) {
    const std::string folder = directory_ + "/ca" + below;
    const Assignments conf = parse_assignments(read_text(folder + "/ca.conf").value_or(""));
    Account account{.label = printable("ca" + below),
                    .server = server_of("https:/" + below),
                    .url = text_at(conf, "ACCOUNT_URL"),
                    .contact = {},
                    .ca_file = text_at(settings_, "CA_BUNDLE"),
                    .key = pki::PrivateKey::parse(read_secret(folder + "/account.key"))};
    std::string addresses = text_at(conf, "CA_EMAIL");
    if (addresses.empty()) addresses = text_at(settings_, "ACCOUNT_EMAIL");
    for (const std::string& address : base::split(addresses, ','))
      if (!base::trim(address).empty()) account.contact.push_back(fmt::format("mailto:{}", base::trim(address)));
    found_.accounts.push_back(std::move(account));
  }

  std::string directory_of(const Assignments& conf) const {
    for (const std::string& url : {text_at(conf, "Le_API"), text_at(settings_, "DEFAULT_ACME_SERVER")})
      if (!url.empty()) return url;
    return "https://acme.zerossl.com/v2/DV90";
  }

  // The lineage knows the port, too.
  void find_account(Lineage& lineage) {
    std::string without_port = lineage.server.directory;
    const std::size_t host = without_port.find("://");
    const std::size_t path = host == std::string::npos ? host : without_port.find('/', host + 3);
    const std::size_t port = without_port.rfind(':', path);
    if (path != std::string::npos && port > host) without_port.erase(port, path - port);
    for (std::size_t i = 0; i < found_.accounts.size(); ++i) {
      if (found_.accounts[i].server.directory != without_port &&
          found_.accounts[i].server.directory != lineage.server.directory)
        continue;
      found_.accounts[i].server = lineage.server;
      lineage.account = i;
      return;
    }
  }

  void read_lineage(const std::string& folder, const std::string& name) {
    const std::string path = fmt::format("{}/{}", certificates_, folder);
    const Assignments conf = parse_assignments(read_text(fmt::format("{}/{}.conf", path, name)).value_or(""));
    const std::string key_file = fmt::format("{}/{}.key", path, name);
    if (!fs::exists(key_file)) {
      leave(printable(folder), "its key is not here: it was made from a request of its own",
            "`everseal issue --csr` has such a request signed");
      return;
    }
    pki::PrivateKey key = base::within("its key", [&] { return pki::PrivateKey::parse(read_secret(key_file)); });
    Lineage lineage{
        .label = printable(folder),
        .account = {},
        .server = server_of(directory_of(conf)),
        .profile = text_at(conf, "Le_Certificate_Profile"),
        .preferred_chain = text_at(conf, "Le_Preferred_Chain"),
        .chain = read_chain({path + "/fullchain.cer", fmt::format("{}/{}.cer", path, name), path + "/ca.cer"}, key),
        .key = std::move(key),
        .challenges = {},
        .copies = {}};
    find_account(lineage);
    for (const std::string_view copy :
         {"Le_RealCertPath", "Le_RealKeyPath", "Le_RealCACertPath", "Le_RealFullChainPath"})
      if (std::string file = text_at(conf, copy); file.starts_with('/')) lineage.copies.push_back(std::move(file));
    if (!lineage.copies.empty())
      leave(lineage.label, fmt::format("was installed at {}", printable(base::join(lineage.copies, ", "))),
            "a deployment of kind `files` puts it where servers read; those files stay as they are");
    read_proof(conf, lineage);
    for (const Leftover& one : kLeftovers)
      if (const std::string value = text_at(conf, one.variable); !value.empty() && value != "no")
        leave(lineage.label, fmt::format("{} (`{}`)", one.text, printable(value)), std::string(one.advice));
    found_.lineages.push_back(std::move(lineage));
  }

  // Le_Webroot says how each name is proved, in the order of Le_Domain and Le_Alt; the last goes on for the others.
  void read_proof(const Assignments& conf, Lineage& lineage) {
    std::vector<std::string> names{text_at(conf, "Le_Domain")};
    if (const std::string others = text_at(conf, "Le_Alt"); !others.empty() && others != "no")
      for (std::string& name : base::split(others, ',')) names.push_back(std::move(name));
    const std::vector<std::string> ways = base::split(text_at(conf, "Le_Webroot"), ',');
    std::map<std::string, std::vector<std::string>> zones;  // by way
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::string zone = base::lower(base::trim(names[i]));
      if (zone.starts_with("*.")) zone.erase(0, 2);
      auto& list = zones[ways[std::min(i, ways.size() - 1)]];
      if (!zone.empty() && std::ranges::find(list, zone) == list.end()) list.push_back(std::move(zone));
    }
    for (auto& [way, list] : zones) read_way(way, std::move(list), conf, lineage);
  }

  void read_way(const std::string& way, std::vector<std::string> zones, const Assignments& conf, Lineage& lineage) {
    const std::string quoted = printable(base::join(zones, "\", \""));
    if (way.starts_with('/')) {
      Challenge challenge{.type = "http-01", .zones = std::move(zones), .options = {}, .secrets = {}};
      put_text(challenge.options, "webroot", way);
      lineage.challenges.push_back(std::move(challenge));
    } else if (way == "dns_persist") {
      lineage.challenges.push_back({.type = "dns-persist-01", .zones = std::move(zones), .options = {}, .secrets = {}});
    } else if (way == "no" || way == "alpn") {
      const bool by_http = way == "no";
      Challenge challenge{
          .type = by_http ? "http-01" : "tls-alpn-01", .zones = std::move(zones), .options = {}, .secrets = {}};
      if (const std::string port = text_at(conf, by_http ? "Le_HTTPPort" : "Le_TLSPort"); !port.empty())
        put_port(challenge.options, "port", port);
      if (const std::string address = text_at(conf, "Le_LocalAddress"); !address.empty())
        put_text(challenge.options, "address", address);
      if (!by_http || !challenge.options.empty()) lineage.challenges.push_back(std::move(challenge));
    } else if (auto challenge = translate_dns_plugin(
                   way, [&](std::string_view name) { return credential(name); }, std::move(zones))) {
      lineage.challenges.push_back(std::move(*challenge));
    } else {
      leave(lineage.label, fmt::format("was proved by acme.sh's `{}`, which does not translate", printable(way)),
            fmt::format("a [challenge.NAME] for zones = [\"{}\"] says how it is proved from now on; `everseal kinds "
                        "challenge` and `everseal kinds dns` list the ways",
                        quoted));
    }
  }

  // Plugins keep what they were given as SAVED_NAME, older ones as NAME.
  std::optional<base::Secret> credential(std::string_view name) const {
    for (const std::string& variable : {fmt::format("SAVED_{}", name), std::string(name)})
      if (const auto found = settings_.find(variable); found != settings_.end() && !found->second.empty())
        return base::Secret(std::string_view(found->second));
    return std::nullopt;
  }

  std::string directory_;
  std::string certificates_;
  Assignments settings_;
  Found found_;
};

}  // namespace

extern const Kind acme_sh_kind;
const Kind acme_sh_kind{"acme.sh", "acme.sh", "/root/.acme.sh",
                        [](const std::string& directory) { return Reading(directory).run(); }};

}  // namespace everseal::importer
