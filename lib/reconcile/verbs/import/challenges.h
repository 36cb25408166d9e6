// How the names of another client were proved, as challenges of the config, so that each is proved here as it was
// there.
#pragma once

#include "challenge/choice.h"
#include "reconcile/verbs/import/work.h"

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::reconcile {

// What each issuer tries for which name.
class IssuerChoices {
 public:
  // Error(config) where the issuer prefers a challenge that the config does not have. The first use of an issuer
  // counts.
  challenge::Choice& of(const config::Config& config, const Name& issuer);
  void add(std::string_view zone, const challenge::Method& method);  // to those that were used

 private:
  std::map<Name, std::vector<challenge::Method>> methods_;
  std::map<Name, challenge::Choice> choices_;
};

class ImportedChallenges {
 public:
  explicit ImportedChallenges(const ImportWork& work) : work_(work) {}

  // Once a certificate; its issuer is in the draft.
  void remember(importer::Lineage& lineage, const config::Certificate& certificate);
  // After all certificates. A name that the config would prove otherwise gets a zone of its own, where the operator has
  // not written that very zone; so do names of other certificates that the new zones would take.
  void add_to_draft();
  // After that: how each name is proved from now on. What is not as before is a remark.
  void report() const;

 private:
  // One way in which names were proved: equal ones of all certificates are one challenge.
  struct Way {
    importer::Challenge theirs;  // without its names
    std::string label;           // of the first lineage that has it
    Name certificate;            // which is what the challenge is called by
    challenge::Method method;    // without name and zones
    std::vector<std::string> zones;
    Name written;  // by which name the config has it; empty: not yet, or the issuer's own
  };
  enum class Whose { imported, present };
  struct Wanted {
    Whose whose;
    std::string label;  // of the lineage
    Name certificate;
    Name issuer;
    pki::Identifier name;
    Way* way;  // nullptr: unknown
  };

  Way* way_of(importer::Challenge& challenge, const std::string& label, const Name& certificate);
  void remember_present();
  Way* present_way(const challenge::Method& chosen, const Name& certificate, const pki::Identifier& name);
  config::Fragment fragment_of(const Way& way, const Name& name, const std::vector<std::string>& zones) const;
  bool is_as_before(const Wanted& wanted, const challenge::Method* chosen) const;
  void give_zone(const Wanted& wanted);
  void add(Way& way);
  void note_links(const std::string& label, const challenge::Method& method) const;
  void leave_changed(const Wanted& wanted, const challenge::Method* chosen) const;

  const ImportWork& work_;
  std::deque<Way> ways_;
  std::map<std::string, std::vector<Way*>> ways_by_text_;  // of their options; those of one text differ in secrets
  std::vector<Wanted> wanted_;
  std::set<Name> imported_;
  std::set<pki::Identifier> decided_;
  IssuerChoices choices_;                   // of the config as it was, with the zones that are added
  mutable std::set<std::string> webroots_;  // that were looked at
  mutable std::map<std::pair<const challenge::Method*, const Way*>, bool> alike_;
};

}  // namespace everseal::reconcile
