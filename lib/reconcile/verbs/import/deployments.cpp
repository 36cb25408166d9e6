#include "reconcile/verbs/import/deployments.h"

#include "base/text.h"
#include "config/toml.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using importer::Lineage;
using importer::Reference;
using importer::ServerKind;

constexpr std::size_t kMostListeners = 4;

// One command without what only a shell understands; empty where it is none.
std::vector<std::string> command_of(const std::string& line) {
  if (line.find_first_of("|&;<>()$`*?[]#~=%\n") != std::string::npos) return {};
  return base::split_words(line).value_or(std::vector<std::string>());
}

// A wildcard cannot be asked for.
std::string server_name_of(const config::Certificate& wanted) {
  const auto is_dns = [](const pki::Identifier& one) { return one.kind() == pki::IdentifierKind::dns; };
  const auto first = std::ranges::find_if(wanted.identifiers, is_dns);
  if (first == wanted.identifiers.end() || !first->is_wildcard()) return {};
  const auto plain =
      std::ranges::find_if(wanted.identifiers, [&](const auto& one) { return is_dns(one) && !one.is_wildcard(); });
  return plain == wanted.identifiers.end() ? "www" + first->text().substr(1) : plain->text();
}

base::Value verify_value(const std::vector<std::string>& listeners, const std::string& sni) {
  if (listeners.empty()) return base::text_value("none");
  base::List list;
  for (const std::string& listener : listeners) {
    base::Table target{{"connect", base::text_value(listener)}};
    if (!sni.empty()) target.emplace_back("sni", base::text_value(sni));
    list.emplace_back().data = std::move(target);
  }
  base::Value value;
  value.data = std::move(list);
  return value;
}

class Proposing {
 public:
  Proposing(const Lineage& lineage, const config::Certificate& wanted) : lineage_(lineage), wanted_(wanted) {}

  void add(ImportedProposal proposal, const base::Table& options, const std::string& why) {
    proposal.certificate = wanted_.name;
    const std::string wanted = proposal.target.text();
    for (int i = 2; std::ranges::find(proposals_, proposal.target, &ImportedProposal::target) != proposals_.end(); ++i)
      proposal.target = Name::parse(fmt::format("{}-{}", wanted, i));
    const std::string header = config::dotted("certificate", wanted_.name.text()) + ".deploy";
    proposal.toml = fmt::format("{}[{}]\n", why, config::dotted(header, proposal.target.text()));
    base::Table all{{"type", base::text_value(proposal.type)}};
    all.insert(all.end(), options.begin(), options.end());
    all.emplace_back("verify", verify_value(proposal.verify, server_name_of(wanted_)));
    for (const auto& [name, value] : all) {
      proposal.toml += name + " = ";
      config::append_toml_value(proposal.toml, value);
      proposal.toml += '\n';
    }
    proposals_.push_back(std::move(proposal));
  }

  // What is known of the readers: which lines, where they listen, what reloads them.
  ImportedProposal told_by(const std::vector<const Reference*>& readers) const {
    ImportedProposal proposal;
    proposal.target = Name::parse("server");
    proposal.command = command_of(lineage_.reload);
    for (const Reference* const reader : readers) {
      proposal.target = Name::parse(to_string(reader->server));
      if (proposal.command.empty()) proposal.command = {"systemctl", "reload", std::string(unit_of(reader->server, reader->trace.file))};
      proposal.lines.push_back(reader->trace);
      for (const std::string& listener : reader->listeners)
        if (std::ranges::find(proposal.verify, listener) == proposal.verify.end() &&
            proposal.verify.size() < kMostListeners)
          proposal.verify.push_back(listener);
    }
    if (!readers.empty() && proposal.verify.empty()) proposal.verify = {"127.0.0.1:443"};  // the usual place
    return proposal;
  }

  std::vector<ImportedProposal> take() { return std::move(proposals_); }

 private:
  const Lineage& lineage_;
  const config::Certificate& wanted_;
  std::vector<ImportedProposal> proposals_;
};

std::string places_of(const std::vector<importer::Trace>& lines) {
  std::string text;
  for (const importer::Trace& line : lines)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", base::printable(line.file), line.line);
  return text;
}

void propose_copies(const std::string& folder, const std::vector<const importer::Copy*>& copies,
                    ImportedProposal proposal, Proposing& proposing) {
  base::List contents;
  for (const importer::Copy* const copy : copies) {
    base::Table item{{"content", base::text_value(copy->content)},
                     {"file", base::text_value(std::filesystem::path(copy->file).filename().string())}};
    contents.emplace_back().data = std::move(item);
  }
  proposal.type = "files";
  base::Table options{{"directory", base::text_value(folder)}};
  options.emplace_back("contents", base::Value()).second.data = std::move(contents);
  if (!proposal.command.empty()) options.emplace_back("reload", base::list_value(proposal.command));
  proposing.add(std::move(proposal), options,
                " Proposed: the files that the other client wrote there, from here. Take each '#' away, then run\n"
                " `everseal renew`.\n");
}

// It reads key and certificates in one file.
void propose_combined(ImportedProposal proposal, Proposing& proposing) {
  proposal.type = "files";
  base::Table options{{"directory", base::text_value("/etc/haproxy/tls")},
                      {"contents", base::list_value({"combined"})},
                      {"reload", base::list_value(proposal.command)}};
  const std::string why = fmt::format(
      " Proposed: {} reads the other client's files. Make this directory, let it read that instead, take\n"
      " each '#' away, then run `everseal renew`.\n",
      places_of(proposal.lines));
  proposing.add(std::move(proposal), options, why);
}

void propose_reload(ImportedProposal proposal, const std::string& live, Proposing& proposing) {
  proposal.type = "exec";
  const base::Table options{{"command", base::list_value(proposal.command)}};
  const std::string why = fmt::format(
      " Proposed: {} reads the other client's files. Let it read {}/fullchain.pem and privkey.pem there,\n"
      " take each '#' away, then run `everseal renew`.\n",
      places_of(proposal.lines), base::printable(live));
  proposing.add(std::move(proposal), options, why);
}

}  // namespace

ImportedDeployments::ImportedDeployments(const std::vector<Reference>& references, std::vector<std::string> directories,
                                         std::string state)
    : directories_(std::move(directories)), state_(std::move(state)) {
  for (const Reference& reference : references)
    for (const std::string& path : reference.paths)
      for (std::size_t end = path.find('/', 1); end != 0; end = path.find('/', end + 1)) {
        readers_[path.substr(0, end)].push_back(&reference);
        if (end == std::string::npos) break;
      }
}

ImportedDeployments::Readers ImportedDeployments::readers_of(const std::vector<std::string>& files) const {
  std::set<const Reference*> readers;  // those of one config in its order
  for (const std::string& file : files)
    if (const auto found = readers_.find(file); found != readers_.end())
      readers.insert(found->second.begin(), found->second.end());
  return {readers.begin(), readers.end()};
}

// As they are called here, and on the host.
std::vector<std::string> ImportedDeployments::names_of(const std::vector<std::string>& files) const {
  std::vector<std::string> names = files;
  const std::string& read = directories_.front();
  for (const std::string& file : files)
    for (const std::string& directory : directories_)
      if (file.starts_with(read + "/")) names.push_back(directory + file.substr(read.size()));
  return names;
}

std::vector<ImportedProposal> ImportedDeployments::propose(const Lineage& lineage,
                                                           const config::Certificate& wanted) const {
  Proposing proposing(lineage, wanted);
  std::map<std::string, std::vector<const importer::Copy*>> folders;
  for (const importer::Copy& copy : lineage.copies)
    folders[std::filesystem::path(copy.file).parent_path().string()].push_back(&copy);
  for (const auto& [folder, copies] : folders) {
    std::vector<std::string> files;
    for (const importer::Copy* const copy : copies) files.push_back(copy->file);
    propose_copies(folder, copies, proposing.told_by(readers_of(files)), proposing);
  }
  std::map<ServerKind, Readers> servers;
  for (const Reference* const reader : readers_of(names_of(lineage.files))) servers[reader->server].push_back(reader);
  for (const auto& [server, readers] : servers)
    if (server == ServerKind::haproxy)
      propose_combined(proposing.told_by(readers), proposing);
    else
      propose_reload(proposing.told_by(readers), fmt::format("{}/live/{}", state_, wanted.name), proposing);
  return proposing.take();
}

}  // namespace everseal::reconcile
