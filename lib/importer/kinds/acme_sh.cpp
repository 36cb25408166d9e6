// acme.sh's directory: account.conf, ca/SERVER/.../account.key, NAME/ and NAME_ecc/ with NAME.conf.
#include "base/error.h"
#include "base/text.h"
#include "importer/assignments.h"
#include "importer/dns_plugins.h"
#include "importer/foreign_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using base::printable;

constexpr std::string_view kEcc = "_ecc";

constexpr Leftover kAcmeShLeftovers[] = {
    {"Le_PreHook", "had a hook that is not taken over", "make it a hook of your own where it is still needed"},
    {"Le_PostHook", "had a hook that is not taken over", "make it the `reload` of a deployment"},
    {"Le_RenewHook", "had a hook that is not taken over", "make it the `reload` of a deployment"},
    {"Le_ReloadCmd", "had a reload command that is not taken over", "make it the `reload` of a deployment"},
    {"Le_RenewalDays", "had a renewal time of its own; here the CA says when, else a third of its life before its end",
     ""},
    {"Le_DeployHook", "had a deploy hook that is not taken over",
     "`everseal kinds deploy` lists what can be done here"},
    {"Le_OCSP_Staple", "asked for the OCSP must-staple extension; that is not asked for here", ""},
    {"Le_Valid_To", "asked for an end of its own; here the CA says how long it is valid", ""},
};

// Where `--install-cert` put what.
constexpr std::pair<std::string_view, std::string_view> kCopies[] = {{"Le_RealCertPath", "cert"},
                                                                     {"Le_RealKeyPath", "privkey"},
                                                                     {"Le_RealCACertPath", "chain"},
                                                                     {"Le_RealFullChainPath", "fullchain"}};

class AcmeShReading {
 public:
  explicit AcmeShReading(const std::string& directory)
      : directory_(directory), files_(directory), certificates_(directory) {}

  Found run() {
    const std::string settings = directory_ + "/account.conf";
    if (!is_file(settings) && !is_directory(directory_ + "/ca"))
      throw base::Error(base::Fault::config, fmt::format("{} has neither account.conf nor ca/", printable(directory_)),
                        "name acme.sh's directory, usually /root/.acme.sh");
    settings_ = assignments_in(settings);
    if (const std::string home = text_at(settings_, "CERT_HOME"); home.starts_with('/') && is_directory(home))
      certificates_ = ClientDirectory(home);
    each_alone(found_, "ca", [&] { read_accounts(); });
    for (const std::string& folder : names_in(certificates_.path())) {
      const std::string name = folder.ends_with(kEcc) ? folder.substr(0, folder.size() - kEcc.size()) : folder;
      const std::vector<std::string> files = names_in(fmt::format("{}/{}", certificates_.path(), folder));
      if (std::ranges::find(files, name + ".conf") != files.end())
        each_alone(found_, printable(folder), [&] { read_lineage(folder, name); });
    }
    if (!found_.lineages.empty())
      found_.leave(printable(directory_),
                   "acme.sh keeps a key at renewals unless told otherwise; each renewal here makes a new one",
                   "change whatever pins an old key, such as TLSA records");
    return std::move(found_);
  }

 private:
  Assignments assignments_in(const std::string& file) const {
    return parse_assignments(files_.read_if_there(file).reveal_text());
  }

  // Below ca/ the path is that of the server's directory, without its port.
  void read_accounts() {
    for (const std::string& below : folders_with(directory_ + "/ca", "account.key"))
      if (below.find("/deactivated/") == std::string::npos)
        each_alone(found_, printable("ca" + below), [&] { read_account(below); });
  }

  void read_account(const std::string& below) {
    const std::string folder = directory_ + "/ca" + below;
    const Assignments conf = assignments_in(folder + "/ca.conf");
    const std::string trust = text_at(settings_, "CA_BUNDLE");
    Account account{.label = printable("ca" + below),
                    .server = server_of("https:/" + below),
                    .url = text_at(conf, "ACCOUNT_URL"),
                    .contact = {},
                    .ca_file = trust.starts_with('/') ? trust : std::string(),
                    .key = pki::PrivateKey::parse(files_.read(folder + "/account.key"))};
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
    lineage.account = importer::find_account(found_, [&](const Account& one) {
      return one.server.directory == without_port || one.server.directory == lineage.server.directory;
    });
    if (lineage.account) found_.accounts[*lineage.account].server = lineage.server;
  }

  void read_lineage(const std::string& folder, const std::string& name) {
    const std::string path = fmt::format("{}/{}", certificates_.path(), folder);
    const Assignments conf = parse_assignments(certificates_.read(fmt::format("{}/{}.conf", path, name)).reveal_text());
    const base::Secret key_text = certificates_.read_if_there(fmt::format("{}/{}.key", path, name));
    if (key_text.empty()) return leave_without_key(found_, printable(folder));
    KeyPair pair = read_key_pair(certificates_, key_text,
                                 {path + "/fullchain.cer", fmt::format("{}/{}.cer", path, name), path + "/ca.cer"});
    Lineage lineage{.label = printable(folder),
                    .account = {},
                    .server = server_of(directory_of(conf)),
                    .profile = text_at(conf, "Le_Certificate_Profile"),
                    .preferred_chain = text_at(conf, "Le_Preferred_Chain"),
                    .chain = std::move(pair.chain),
                    .key = std::move(pair.key),
                    .challenges = {},
                    .files = {path},
                    .copies = {},
                    .reload = text_at(conf, "Le_ReloadCmd")};
    find_account(lineage);
    std::vector<std::string> copies;
    for (const auto& [setting, content] : kCopies)
      if (std::string file = text_at(conf, setting); file.starts_with('/')) {
        copies.push_back(file);
        lineage.copies.push_back({std::string(content), std::move(file)});
      }
    if (lineage.reload == "no") lineage.reload.clear();
    if (!copies.empty())
      found_.leave(lineage.label, fmt::format("was installed at {}", shown(base::join(copies, ", "))),
                   "a deployment of kind `files` puts it where servers read; those files stay as they are");
    leave_unused_key(found_, lineage);
    read_proof(conf, lineage);
    leave_all(found_, lineage.label, kAcmeShLeftovers, [&](std::string_view setting) {
      const std::string value = text_at(conf, setting);
      return value == "no" ? std::string() : value;
    });
    found_.lineages.push_back(std::move(lineage));
  }

  // Le_Webroot says how each name is proved, in the order of Le_Domain and Le_Alt; what is left out is as before it.
  void read_proof(const Assignments& conf, Lineage& lineage) {
    std::vector<std::string> written{text_at(conf, "Le_Domain")};
    if (const std::string others = text_at(conf, "Le_Alt"); !others.empty() && others != "no")
      std::ranges::move(base::split(others, ','), std::back_inserter(written));
    const std::vector<std::string> ways = base::split(text_at(conf, "Le_Webroot"), ',');
    const std::vector<pki::Identifier> certified = pki::identifiers_of(lineage.chain.front().names());
    std::set<pki::Identifier> known(certified.begin(), certified.end());
    std::map<std::string, std::vector<pki::Identifier>> names;  // by way
    std::string way;
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (i < ways.size() && !ways[i].empty()) way = ways[i];
      if (auto name = identifier_of(written[i]); name && known.erase(*name) == 1)
        names[way].push_back(std::move(*name));
    }
    for (auto& [one, list] : names) read_way(one, std::move(list), conf, lineage);
  }

  void read_way(const std::string& way, std::vector<pki::Identifier> names, const Assignments& conf, Lineage& lineage) {
    const std::string zones = printable(quoted_zones(names));
    if (way.starts_with('/')) {
      Challenge challenge{.type = "http-01", .names = std::move(names), .options = {}, .secrets = {}};
      challenge.options.emplace_back("webroot", base::text_value(way));
      lineage.challenges.push_back(std::move(challenge));
    } else if (way == "dns_persist") {
      lineage.challenges.push_back({.type = "dns-persist-01", .names = std::move(names), .options = {}, .secrets = {}});
    } else if (way == "no" || way == "alpn") {
      const bool by_http = way == "no";
      Challenge challenge{
          .type = by_http ? "http-01" : "tls-alpn-01", .names = std::move(names), .options = {}, .secrets = {}};
      put_port(challenge.options, "port", text_at(conf, by_http ? "Le_HTTPPort" : "Le_TLSPort"));
      if (const std::string address = text_at(conf, "Le_LocalAddress"); !address.empty())
        challenge.options.emplace_back("address", base::text_value(address));
      lineage.challenges.push_back(std::move(challenge));
    } else if (auto challenge = translate_dns_plugin(
                   way, [&](std::string_view name) { return credential(name); }, std::move(names))) {
      lineage.challenges.push_back(std::move(*challenge));
    } else {
      found_.leave(lineage.label, fmt::format("was proved by acme.sh's `{}`, which does not translate", shown(way)),
                   fmt::format("a [challenge.NAME] for zones = [{}] says how it is proved from now on; `everseal kinds "
                               "challenge` and `everseal kinds dns` list the ways",
                               zones));
    }
  }

  // Plugins keep what they were given as SAVED_NAME, older ones as NAME.
  std::optional<base::Secret> credential(std::string_view name) const {
    for (const std::string& variable : {fmt::format("SAVED_{}", name), std::string(name)})
      if (const auto found = settings_.find(variable); found != settings_.end() && !found->second.empty())
        return found->second.copy();
    return std::nullopt;
  }

  std::string directory_;
  ClientDirectory files_;
  ClientDirectory certificates_;
  Assignments settings_;
  Found found_;
};

}  // namespace

extern const Kind acme_sh_kind;
const Kind acme_sh_kind{"acme.sh", "acme.sh: a directory such as /root/.acme.sh",
                        [](const std::string& directory) { return AcmeShReading(directory).run(); }};

}  // namespace everseal::importer
