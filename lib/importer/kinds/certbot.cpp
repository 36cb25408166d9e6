// certbot's directory: accounts/SERVER/.../ID/, renewal/LINEAGE.conf, live/LINEAGE/.
#include "base/error.h"
#include "base/text.h"
#include "importer/certbot_options.h"
#include "importer/dns_plugins.h"
#include "importer/foreign_files.h"
#include "importer/ini.h"
#include "importer/registration.h"
#include "pki/jwk.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using base::printable;
using base::Table;

// Where certbot goes by itself, and for configs that name the one that is no more.
constexpr std::string_view kDefaultServer = "https://acme-v02.api.letsencrypt.org/directory";
constexpr std::string_view kFormerServer = "https://acme-v01.api.letsencrypt.org/directory";

constexpr Leftover kCertbotLeftovers[] = {
    {"must_staple", "asked for the OCSP must-staple extension; that is not asked for here", ""},
    {"reuse_key", "kept its key at renewals; each renewal here makes a new one", "change whatever pins the old key"},
    {"allow_subset_of_names", "was renewed without names that failed; here a name that fails fails the certificate",
     "remove the names that are no more"},
    {"renew_before_expiry",
     "had a renewal time of its own; here the CA says when, else a third of its life before its end", ""},
    {"pre_hook", "had a hook that is not taken over", "make it a hook of your own where it is still needed"},
    {"post_hook", "had a hook that is not taken over", "make it the `reload` of a deployment"},
    {"renew_hook", "had a deploy hook that is not taken over", "make it the `reload` of a deployment"},
};

class CertbotReading {
 public:
  explicit CertbotReading(const std::string& directory) : directory_(directory), files_(directory) {}

  Found run() {
    if (!is_directory(directory_ + "/renewal") && !is_directory(directory_ + "/accounts"))
      throw base::Error(base::Fault::config,
                        fmt::format("{} has neither renewal/ nor accounts/", printable(directory_)),
                        "name certbot's directory, usually /etc/letsencrypt");
    each_alone(found_, "accounts", [&] { read_accounts(); });
    for (const std::string& file : names_in(directory_ + "/renewal"))
      if (file.ends_with(".conf")) {
        const std::string name = file.substr(0, file.size() - 5);
        each_alone(found_, printable(name), [&] { read_lineage(name); });
      }
    each_alone(found_, "cli.ini", [&] { read_common_options(); });
    for (const std::string_view when : {"pre", "deploy", "post"})
      for (const std::string& hook : names_in(fmt::format("{}/renewal-hooks/{}", directory_, when)))
        found_.leave(fmt::format("renewal-hooks/{}/{}", when, printable(hook)),
                     "a hook for every certificate, not taken over",
                     when == "pre" ? "" : "make it the `reload` of a deployment");
    return std::move(found_);
  }

 private:
  // What cli.ini says counts for every lineage that says nothing else; what Debian ships in it means nothing here. It
  // is looser than the other files: "name = value", "name: value", "name value" and "name" alone. What is none of
  // certbot's options is not shown: it may be anything.
  void read_common_options() {
    const base::Secret text = files_.read_if_there(directory_ + "/cli.ini");
    std::vector<std::string> names;
    int others = 0;
    for (const auto whole : std::views::split(text.reveal_text(), '\n')) {
      const std::string_view line = base::trim(std::string_view(whole.begin(), whole.end()));
      const std::string_view name = line.substr(0, line.find_first_of(" \t=:"));
      if (name.empty() || name.find_first_of("#;[") == 0 || name == "max-log-backups" ||
          name == "preconfigured-renewal")
        continue;
      if (is_certbot_option(name))
        names.emplace_back(name);
      else
        ++others;
    }
    if (others > 0)
      names.push_back(fmt::format("{} {} that certbot does not know", others, others == 1 ? "line" : "lines"));
    if (!names.empty())
      found_.leave("cli.ini", fmt::format("has options for all certificates that are not read: {}",
                                          shown(base::join(names, ", "))));
  }

  // Below accounts/ the path is that of the server's directory, and an account is where its key lies.
  void read_accounts() {
    for (const std::string& below : folders_with(directory_ + "/accounts", "private_key.json"))
      if (!below.empty()) each_alone(found_, printable("accounts" + below), [&] { read_account(below); });
  }

  void read_account(const std::string& below) {
    const std::string folder = fmt::format("{}/accounts{}", directory_, below);
    const std::size_t id = below.rfind('/') + 1;
    Registration registration = read_registration(files_.read_if_there(folder + "/regr.json").reveal_text());
    found_.accounts.push_back({.label = printable(below.substr(id)),
                               .server = server_of("https:/" + below.substr(0, id - 1)),
                               .url = std::move(registration.url),
                               .contact = std::move(registration.contact),
                               .ca_file = {},
                               .key = pki::parse_jwk(files_.read(folder + "/private_key.json"))});
  }

  // "None" is what certbot writes for what is not set.
  static std::string option_of(const Table& parameters, std::string_view name) {
    std::string text = base::join(texts_at(parameters, name), ",");
    return text == "None" ? std::string() : text;
  }

  static Server server_in(const Table& parameters) {
    const std::string server = option_of(parameters, "server");
    return server_of(server.empty() || server == kFormerServer ? std::string(kDefaultServer) : server);
  }

  void find_account(const Table& parameters, Lineage& lineage) {
    const std::string id = printable(option_of(parameters, "account"));
    lineage.account = importer::find_account(found_, [&](const Account& one) {
      return one.label == id && one.server.authority == lineage.server.authority;
    });
  }

  void read_lineage(const std::string& name) {
    const std::string file = fmt::format("{}/renewal/{}.conf", directory_, name);
    const Table conf = base::within(printable(file), [&] { return parse_ini(files_.read(file).reveal_text()); });
    const Table& parameters = table_at(conf, "renewalparams");
    const std::string live = fmt::format("{}/live/{}", directory_, name);
    const base::Secret key_text = base::within("its key", [&] { return files_.read(live + "/privkey.pem"); });
    KeyPair pair = read_key_pair(files_, key_text, {live + "/fullchain.pem", live + "/cert.pem", live + "/chain.pem"});
    Lineage lineage{.label = printable(name),
                    .account = {},
                    .server = server_in(parameters),
                    .profile = option_of(parameters, "required_profile"),
                    .preferred_chain = option_of(parameters, "preferred_chain"),
                    .chain = std::move(pair.chain),
                    .key = std::move(pair.key),
                    .challenges = {},
                    .files = {live, fmt::format("{}/archive/{}", directory_, name)},
                    .copies = {},
                    .reload = option_of(parameters, "renew_hook")};
    if (lineage.profile.empty()) lineage.profile = option_of(parameters, "preferred_profile");
    find_account(parameters, lineage);
    leave_unused_key(found_, lineage);
    read_proof(parameters, lineage);
    leave_all(found_, lineage.label, kCertbotLeftovers, [&](std::string_view setting) {
      const std::string value = option_of(base::find(parameters, setting) != nullptr ? parameters : conf, setting);
      return base::lower(value) == "false" ? std::string() : value;
    });
    if (base::lower(option_of(parameters, "autorenew")) == "false")
      found_.leave(lineage.label, "was not renewed by itself (autorenew = False); from now on it is",
                   "remove its file from conf.d to stop that");
    found_.lineages.push_back(std::move(lineage));
  }

  static std::vector<pki::Identifier> names_of(const Lineage& lineage) {
    return pki::identifiers_of(lineage.chain.front().names());
  }

  static bool has_wildcard(const Lineage& lineage) {
    return std::ranges::any_of(names_of(lineage), &pki::Identifier::is_wildcard);
  }

  static std::string zones_of(const Lineage& lineage) { return quoted_zones(names_of(lineage)); }

  void read_proof(const Table& parameters, Lineage& lineage) {
    // Plugins of others were once called "certbot-dns-x:dns-x".
    std::string authenticator = option_of(parameters, "authenticator");
    authenticator.erase(0, authenticator.rfind(':') + 1);
    if (authenticator == "standalone") return read_stand_alone(parameters, lineage);
    if (authenticator == "webroot") return read_webroots(parameters, lineage);
    if (authenticator.starts_with("dns-")) return read_dns_plugin(authenticator, parameters, lineage);
    if (const std::string hook = option_of(parameters, "manual_auth_hook"); !hook.empty())
      return read_manual_hook(hook, parameters, lineage);
    found_.leave(lineage.label,
                 fmt::format("was proved by certbot's `{}`, which has no counterpart", shown(authenticator)),
                 fmt::format("a [challenge.NAME] for zones = [{}] says how it is proved from now on: http-01 with the "
                             "`webroot` of the web server, for one",
                             zones_of(lineage)));
  }

  // One program by its path runs as well without the shell that certbot gave it.
  static bool is_program(const std::string& hook) {
    return hook.starts_with('/') && hook.find_first_of(" \t\r\n\"'`$&|;<>()*?[]#~=%\\") == std::string::npos;
  }

  void read_manual_hook(const std::string& hook, const Table& parameters, Lineage& lineage) {
    // The first that can prove a name is taken; a wildcard is proved by dns-01 alone.
    const std::vector<std::string> types = texts_at(parameters, "pref_challs");
    const bool by_dns = (!types.empty() && types.front() == "dns-01") || has_wildcard(lineage);
    const std::string clean_up = option_of(parameters, "manual_cleanup_hook");
    if (by_dns && is_program(hook) && (clean_up.empty() || is_program(clean_up))) {
      Challenge challenge{.type = "dns-01", .names = names_of(lineage), .options = {}, .secrets = {}};
      challenge.options.emplace_back("provider", base::text_value("exec"));
      challenge.options.emplace_back("format", base::text_value("certbot"));
      challenge.options.emplace_back("command", base::list_value({hook}));
      if (!clean_up.empty()) challenge.options.emplace_back("cleanup_command", base::list_value({clean_up}));
      lineage.challenges.push_back(std::move(challenge));
      return;
    }
    found_.leave(
        lineage.label, fmt::format("was proved by the hook `{}`, which is not taken over", shown(hook)),
        fmt::format("for dns-01, a [challenge.NAME] with provider = \"exec\", format = \"certbot\" and zones = "
                    "[{}] runs such hooks, without a shell",
                    zones_of(lineage)));
  }

  static void read_stand_alone(const Table& parameters, Lineage& lineage) {
    const std::string port = option_of(parameters, "http01_port");
    const std::string address = option_of(parameters, "http01_address");
    Challenge challenge{.type = "http-01", .names = names_of(lineage), .options = {}, .secrets = {}};
    if (port != "80") put_port(challenge.options, "port", port);
    if (!address.empty()) challenge.options.emplace_back("address", base::text_value(address));
    lineage.challenges.push_back(std::move(challenge));
  }

  // The map may know names that the certificate does not have (any more), and not know those that it got since.
  static void read_webroots(const Table& parameters, Lineage& lineage) {
    std::map<pki::Identifier, std::string> mapped;
    for (const auto& [domain, path] : table_at(parameters, "webroot_map"))
      if (const auto* const text = std::get_if<std::string>(&path.data))
        if (const auto name = identifier_of(domain)) mapped.emplace(*name, *text);
    const std::vector<std::string> paths = texts_at(parameters, "webroot_path");
    std::map<std::string, std::vector<pki::Identifier>> names;  // by webroot
    for (const pki::Identifier& name : names_of(lineage))
      if (const auto own = mapped.find(name); own != mapped.end())
        names[own->second].push_back(name);
      else if (!paths.empty())
        names[paths.back()].push_back(name);
    for (auto& [path, proved] : names) {
      Challenge challenge{.type = "http-01", .names = std::move(proved), .options = {}, .secrets = {}};
      challenge.options.emplace_back("webroot", base::text_value(path));
      lineage.challenges.push_back(std::move(challenge));
    }
  }

  // nullopt where no provider of ours does it. Error where the credentials cannot be read.
  std::optional<Challenge> translated(const std::string& plugin, const std::string& file,
                                      const Lineage& lineage) const {
    Table credentials;
    if (file.starts_with('/'))
      credentials = base::within(printable(file), [&] { return parse_ini(read_anywhere(file).reveal_text()); });
    auto challenge = translate_dns_plugin(
        plugin,
        [&](std::string_view name) {
          std::string text = text_at(credentials, name);
          return text.empty() ? std::nullopt : std::optional(base::Secret::take(text));
        },
        names_of(lineage));
    wipe(credentials);
    return challenge;
  }

  void read_dns_plugin(const std::string& plugin, const Table& parameters, Lineage& lineage) {
    std::string option = plugin + "_credentials";
    std::ranges::replace(option, '-', '_');
    const std::string file = option_of(parameters, option);
    std::string why = "it does not translate";
    try {
      if (auto challenge = translated(plugin, file, lineage))
        return lineage.challenges.push_back(std::move(*challenge));
    } catch (const base::Error& error) {
      why = error.text();
    }
    found_.leave(
        lineage.label,
        fmt::format("was proved by certbot's plugin {}{}: {}", shown(plugin),
                    file.empty() ? std::string() : fmt::format(" with {}", shown(file)), why),
        fmt::format("a [challenge.NAME] with type = \"dns-01\" and zones = [{}] does it; `everseal kinds dns` lists "
                    "the providers",
                    zones_of(lineage)));
  }

  std::string directory_;
  ClientDirectory files_;
  Found found_;
};

}  // namespace

extern const Kind certbot_kind;
const Kind certbot_kind{"certbot", "certbot: a directory such as /etc/letsencrypt",
                        [](const std::string& directory) { return CertbotReading(directory).run(); }};

}  // namespace everseal::importer
