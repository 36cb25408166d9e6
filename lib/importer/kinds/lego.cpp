// lego's directory: accounts/SERVER/EMAIL/, certificates/NAME.{crt,key,json}.
#include "base/error.h"
#include "base/text.h"
#include "importer/foreign_files.h"
#include "importer/registration.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

using base::printable;

constexpr std::string_view kRecord = "account.json";

class LegoReading {
 public:
  explicit LegoReading(const std::string& directory) : directory_(directory), files_(directory) {}

  Found run() {
    if (!is_directory(directory_ + "/certificates") && !is_directory(directory_ + "/accounts"))
      throw base::Error(base::Fault::config,
                        fmt::format("{} has neither certificates/ nor accounts/", printable(directory_)),
                        "name lego's --path, usually the directory .lego of where it runs");
    for (const std::string& server : names_in(directory_ + "/accounts"))
      for (const std::string& id : names_in(fmt::format("{}/accounts/{}", directory_, server)))
        read_accounts(server, id);
    for (const std::string& file : names_in(directory_ + "/certificates"))
      if (file.ends_with(".json")) {
        const std::string name = file.substr(0, file.size() - 5);
        each_alone(found_, printable(name), [&] { read_lineage(name); });
      }
    if (!found_.lineages.empty())
      found_.leave(
          printable(directory_ + "/certificates"),
          "lego keeps challenges, hooks and renewal times on its command line, so they are not known here",
          "look at what starts it; where http-01 on port 80 does not do, a [challenge.NAME] says how names are "
          "proved");
    return std::move(found_);
  }

 private:
  // "127.0.0.1_14000" is a host and its port.
  static std::string authority_of_folder(std::string name) {
    const std::size_t port = name.rfind('_');
    if (port != std::string::npos && name.find_first_not_of("0123456789", port + 1) == std::string::npos)
      name[port] = ':';
    return name;
  }

  // lego 4: accounts/HOST_PORT/EMAIL/{account.json,keys/EMAIL.key}; 5: accounts/HOST_PORT/ID/TYPE/{account.json,ID.key}
  void read_accounts(const std::string& server, const std::string& id) {
    const std::string folder = fmt::format("{}/accounts/{}/{}", directory_, server, id);
    const std::vector<std::string> names = names_in(folder);
    if (std::ranges::find(names, kRecord) != names.end())
      return read_account(server, folder, fmt::format("{}/keys/{}.key", folder, id), id);
    for (const std::string& type : names) {
      const std::vector<std::string> inner = names_in(fmt::format("{}/{}", folder, type));
      if (std::ranges::find(inner, kRecord) != inner.end())
        read_account(server, fmt::format("{}/{}", folder, type), fmt::format("{}/{}/{}.key", folder, type, id), id);
    }
  }

  void read_account(const std::string& server, const std::string& folder, const std::string& key_file,
                    const std::string& id) {
    each_alone(found_, printable(id), [&] {
      Registration registration =
          read_registration(files_.read_if_there(fmt::format("{}/{}", folder, kRecord)).reveal_text());
      const std::string authority = authority_of(registration.url);
      found_.accounts.push_back(
          {.label = printable(id),
           .server = server_at(authority.empty() ? authority_of_folder(server) : authority),
           .url = std::move(registration.url),
           .contact = std::move(registration.contact),
           .ca_file = {},
           .key = base::within("its key", [&] { return pki::PrivateKey::parse(files_.read(key_file)); })});
    });
  }

  // The CA that gave it.
  std::string authority_in(const std::string& record) const {
    const auto json = nlohmann::json::parse(files_.read(record).reveal_text(), nullptr, false);
    if (!json.is_object())
      throw base::Error(base::Fault::invalid, fmt::format("{} is no JSON object", printable(record)));
    for (const char* const member : {"certUrl", "certStableUrl"})
      if (const auto url = json.find(member); url != json.end() && url->is_string())
        if (std::string authority = authority_of(url->get<std::string>()); !authority.empty()) return authority;
    return {};
  }

  void read_lineage(const std::string& name) {
    const std::string path = fmt::format("{}/certificates/{}", directory_, name);
    const std::string authority = authority_in(path + ".json");
    const base::Secret key_text = files_.read_if_there(path + ".key");
    if (key_text.empty()) return leave_without_key(found_, printable(name));
    KeyPair pair = read_key_pair(files_, key_text, {path + ".crt", path + ".issuer.crt"});
    Lineage lineage{.label = printable(name),
                    .account = {},
                    .server = server_at(authority),
                    .profile = {},
                    .preferred_chain = {},
                    .chain = std::move(pair.chain),
                    .key = std::move(pair.key),
                    .challenges = {},
                    .files = {path + ".crt", path + ".key", path + ".issuer.crt", path + ".pem"},
                    .copies = {},
                    .reload = {}};
    const auto at_server = [&](const Account& one) { return one.server == lineage.server; };
    lineage.account = find_account(found_, at_server);
    if (std::ranges::count_if(found_.accounts, at_server) > 1)
      found_.leave(lineage.label,
                   fmt::format("lego does not say which of its accounts ordered it; {} is taken",
                               found_.accounts[*lineage.account].label),
                   "where that is wrong, change `issuer` in its file in conf.d");
    leave_unused_key(found_, lineage);
    found_.lineages.push_back(std::move(lineage));
  }

  std::string directory_;
  ClientDirectory files_;
  Found found_;
};

}  // namespace

extern const Kind lego_kind;
const Kind lego_kind{"lego", "lego: the directory of its --path, .lego without it",
                     [](const std::string& directory) { return LegoReading(directory).run(); }};

}  // namespace everseal::importer
