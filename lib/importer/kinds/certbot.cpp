// certbot's directory: accounts/SERVER/.../ID/, renewal/LINEAGE.conf, live/LINEAGE/.
#include "base/error.h"
#include "base/text.h"
#include "importer/dns_plugins.h"
#include "importer/foreign_files.h"
#include "importer/ini.h"
#include "pki/jwk.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;
using base::printable;
using base::Table;

constexpr int kDeepestAccount = 8;

// What certbot can and we do otherwise, or not.
struct Leftover {
  std::string_view option;
  std::string_view text;
  std::string_view advice;
};
constexpr Leftover kLeftovers[] = {
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

class Reading {
 public:
  explicit Reading(std::string directory) : directory_(std::move(directory)) {}

  Found run() {
    if (!fs::is_directory(directory_ + "/renewal") && !fs::is_directory(directory_ + "/accounts"))
      throw base::Error(base::Fault::config,
                        fmt::format("{} has neither renewal/ nor accounts/", printable(directory_)),
                        "name certbot's directory, usually /etc/letsencrypt");
    read_accounts("", 0);
    for (const std::string& file : names_in(directory_ + "/renewal"))
      if (file.ends_with(".conf")) {
        const std::string name = file.substr(0, file.size() - 5);
        each_alone(found_, printable(name), [&] { read_lineage(name); });
      }
    read_common_options();
    for (const std::string_view when : {"pre", "deploy", "post"})
      for (const std::string& hook : names_in(fmt::format("{}/renewal-hooks/{}", directory_, when)))
        leave(fmt::format("renewal-hooks/{}/{}", when, printable(hook)), "a hook for every certificate, not taken over",
              when == "pre" ? "" : "make it the `reload` of a deployment");
    return std::move(found_);
  }

 private:
  void leave(std::string subject, std::string text, std::string advice = {}) {
    found_.remarks.push_back({Remark::Kind::left, std::move(subject), std::move(text), std::move(advice)});
  }

  // What cli.ini says counts for every lineage that says nothing else; what Debian ships in it means nothing here.
  void read_common_options() {
    const Table common = parse_ini(read_text(directory_ + "/cli.ini").value_or(""));
    std::vector<std::string> names;
    for (const auto& [name, value] : common)
      if (name != "max-log-backups" && name != "preconfigured-renewal") names.push_back(printable(name));
    if (!names.empty())
      leave("cli.ini", fmt::format("has options for all certificates that are not read: {}", base::join(names, ", ")));
  }

  // Below accounts/ the path is that of the server's directory, and an account is where its key lies.
  void read_accounts(const std::string& below, int depth) {
    const std::string folder = fmt::format("{}/accounts{}", directory_, below);
    for (const std::string& name : names_in(folder)) {
      const std::string path = folder + "/" + name;
      if (fs::exists(path + "/private_key.json"))
        each_alone(found_, printable("accounts" + below + "/" + name), [&] { read_account(below, name); });
      else if (fs::is_directory(path) && depth < kDeepestAccount)
        read_accounts(below + "/" + name, depth + 1);
    }
  }

  void read_account(const std::string& below, const std::string& id) {
    const std::string folder = fmt::format("{}/accounts{}/{}", directory_, below, id);
    const auto registration = nlohmann::json::parse(read_text(folder + "/regr.json").value_or(""), nullptr, false);
    Account account{.label = printable(id),
                    .server = server_of("https:/" + below),
                    .url = {},
                    .contact = {},
                    .ca_file = {},
                    .key = pki::parse_jwk(read_secret(folder + "/private_key.json"))};
    if (registration.is_object()) {
      account.url = registration.value("uri", std::string());
      const auto body = registration.find("body");
      if (body != registration.end() && body->is_object() && body->contains("contact"))
        for (const auto& contact : body->at("contact"))
          if (contact.is_string()) account.contact.push_back(contact.get<std::string>());
    }
    found_.accounts.push_back(std::move(account));
  }

  void read_lineage(const std::string& name) {
    const std::string file = fmt::format("{}/renewal/{}.conf", directory_, name);
    const Table conf = base::within(file, [&] { return parse_ini(read_text(file).value_or("")); });
    const Table& parameters = table_at(conf, "renewalparams");
    const std::string live = fmt::format("{}/live/{}", directory_, name);
    if (!fs::exists(live + "/privkey.pem")) {
      leave(printable(name), "its key is not here: it was made from a request of its own",
            "`everseal issue --csr` has such a request signed");
      return;
    }
    pki::PrivateKey key =
        base::within("its key", [&] { return pki::PrivateKey::parse(read_secret(live + "/privkey.pem")); });
    Lineage lineage{.label = printable(name),
                    .account = {},
                    .server = server_of(text_at(parameters, "server")),
                    .profile = text_at(parameters, "required_profile"),
                    .preferred_chain = text_at(parameters, "preferred_chain"),
                    .chain = read_chain({live + "/fullchain.pem", live + "/cert.pem", live + "/chain.pem"}, key),
                    .key = std::move(key),
                    .challenges = {},
                    .copies = {}};
    if (lineage.profile.empty()) lineage.profile = text_at(parameters, "preferred_profile");
    const auto account = std::ranges::find_if(found_.accounts, [&](const Account& one) {
      return one.label == printable(text_at(parameters, "account")) && one.server.authority == lineage.server.authority;
    });
    if (account != found_.accounts.end()) lineage.account = static_cast<std::size_t>(account - found_.accounts.begin());
    read_proof(parameters, lineage);
    for (const Leftover& one : kLeftovers) {
      const Table& holder = base::find(parameters, one.option) != nullptr ? parameters : conf;
      const std::string value = base::join(texts_at(holder, one.option), ",");
      if (value.empty() || value == "None" || value == "False") continue;
      leave(lineage.label, fmt::format("{} ({} = {})", one.text, one.option, printable(value)),
            std::string(one.advice));
    }
    if (text_at(parameters, "autorenew") == "False")
      leave(lineage.label, "was not renewed by itself (autorenew = False); from now on it is",
            "remove its file from conf.d to stop that");
    found_.lineages.push_back(std::move(lineage));
  }

  static std::vector<std::string> zones_of(const Lineage& lineage) {
    std::vector<std::string> zones;
    for (const pki::GeneralName& name : lineage.chain.front().names()) {
      const auto identifier = pki::to_identifier(name);
      if (!identifier || identifier->kind() != pki::IdentifierKind::dns) continue;
      std::string zone = identifier->is_wildcard() ? identifier->text().substr(2) : identifier->text();
      if (std::ranges::find(zones, zone) == zones.end()) zones.push_back(std::move(zone));
    }
    return zones;
  }

  void read_proof(const Table& parameters, Lineage& lineage) {
    // Plugins of others were once called "certbot-dns-x:dns-x".
    std::string authenticator = text_at(parameters, "authenticator");
    authenticator.erase(0, authenticator.rfind(':') + 1);
    if (authenticator == "webroot") return read_webroots(parameters, lineage);
    if (authenticator == "standalone") return read_stand_alone(parameters, lineage);
    if (authenticator.starts_with("dns-")) return read_dns_plugin(authenticator, parameters, lineage);
    if (const std::string hook = text_at(parameters, "manual_auth_hook"); !hook.empty() && hook != "None")
      return read_manual_hook(hook, parameters, lineage);
    leave(lineage.label,
          fmt::format("was proved by certbot's `{}`, which has no counterpart", printable(authenticator)),
          fmt::format("a [challenge.NAME] for zones = [\"{}\"] says how it is proved from now on: http-01 with the "
                      "`webroot` of the web server, for one",
                      printable(base::join(zones_of(lineage), "\", \""))));
  }

  // One program by its path runs as well without the shell that certbot gave it.
  static bool is_program(const std::string& hook) {
    return hook.starts_with('/') && hook.find_first_of(" \t\"'`$&|;<>()*?[]#~=%\\") == std::string::npos;
  }

  void read_manual_hook(const std::string& hook, const Table& parameters, Lineage& lineage) {
    const std::vector<std::string> types = texts_at(parameters, "pref_challs");
    const std::string clean_up = text_at(parameters, "manual_cleanup_hook");
    const bool has_clean_up = !clean_up.empty() && clean_up != "None";
    if (std::ranges::count(types, "dns-01") == 1 && is_program(hook) && (!has_clean_up || is_program(clean_up))) {
      Challenge challenge{.type = "dns-01", .zones = zones_of(lineage), .options = {}, .secrets = {}};
      put_text(challenge.options, "provider", "exec");
      put_text(challenge.options, "format", "certbot");
      put_words(challenge.options, "command", {hook});
      if (has_clean_up) put_words(challenge.options, "cleanup_command", {clean_up});
      lineage.challenges.push_back(std::move(challenge));
      return;
    }
    leave(lineage.label, fmt::format("was proved by the hook `{}`, which is not taken over", printable(hook)),
          fmt::format("for dns-01, a [challenge.NAME] with provider = \"exec\", format = \"certbot\" and zones = "
                      "[\"{}\"] runs such hooks, without a shell",
                      printable(base::join(zones_of(lineage), "\", \""))));
  }

  static void read_stand_alone(const Table& parameters, Lineage& lineage) {
    const std::string port = text_at(parameters, "http01_port");
    const std::string address = text_at(parameters, "http01_address");
    Challenge challenge{.type = "http-01", .zones = zones_of(lineage), .options = {}, .secrets = {}};
    if (!port.empty() && port != "80") put_port(challenge.options, "port", port);
    if (!address.empty() && address != "None") put_text(challenge.options, "address", address);
    if (!challenge.options.empty()) lineage.challenges.push_back(std::move(challenge));
  }

  static void read_webroots(const Table& parameters, Lineage& lineage) {
    std::map<std::string, std::vector<std::string>> zones;  // by webroot
    const Table& map = table_at(parameters, "webroot_map");
    for (const auto& [domain, path] : map)
      if (const auto* const text = std::get_if<std::string>(&path.data)) zones[*text].push_back(base::lower(domain));
    const std::vector<std::string> paths = texts_at(parameters, "webroot_path");
    if (zones.empty() && !paths.empty()) zones[paths.back()] = zones_of(lineage);
    for (auto& [path, names] : zones) {
      Challenge challenge{.type = "http-01", .zones = std::move(names), .options = {}, .secrets = {}};
      put_text(challenge.options, "webroot", path);
      lineage.challenges.push_back(std::move(challenge));
    }
  }

  void read_dns_plugin(const std::string& plugin, const Table& parameters, Lineage& lineage) {
    std::string prefix = plugin + "_credentials";
    std::ranges::replace(prefix, '-', '_');
    const std::string file = text_at(parameters, prefix);
    Table credentials;
    if (!file.empty()) {
      if (const auto text = read_text(file)) credentials = base::within(file, [&] { return parse_ini(*text); });
    }
    auto challenge = translate_dns_plugin(
        plugin,
        [&](std::string_view name) {
          std::string text = text_at(credentials, name);
          return text.empty() ? std::nullopt : std::optional(base::Secret::take(text));
        },
        zones_of(lineage));
    if (challenge) {
      lineage.challenges.push_back(std::move(*challenge));
      return;
    }
    leave(lineage.label,
          fmt::format("was proved by certbot's plugin {}{}, which does not translate", printable(plugin),
                      file.empty() ? std::string() : fmt::format(" with {}", printable(file))),
          fmt::format(
              "a [challenge.NAME] with type = \"dns-01\" and zones = [\"{}\"] does it; `everseal kinds dns` lists "
              "the providers",
              printable(base::join(zones_of(lineage), "\", \""))));
  }

  std::string directory_;
  Found found_;
};

}  // namespace

extern const Kind certbot_kind;
const Kind certbot_kind{"certbot", "certbot, or letsencrypt as it was called", "/etc/letsencrypt",
                        [](const std::string& directory) { return Reading(directory).run(); }};

}  // namespace everseal::importer
