// When each subject is to be looked at again: one table for all kinds, so that there is one answer to "what is next".
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string_view>
#include <vector>

namespace everseal::inventory {

class Subjects {
 public:
  explicit Subjects(Store& store) : store_(store) {}

  // At most `limit` subjects of `kind` that are due at `now`, the longest due first, behind `after` in that order. What
  // becomes due with an earlier time than `after` has is found by the next walk.
  std::vector<DueSubject> due(std::string_view kind, Time now, const std::optional<DueSubject>& after = std::nullopt,
                              int limit = 256);
  // The earliest time at which anything is due; nullopt: nothing ever is by itself.
  std::optional<Time> next_due();
  std::optional<Time> look_again(const SubjectId& subject);
  // It is due at `when` at the latest; an earlier time stays. What changes a fact that decisions are made of wakes the
  // subject in the same transaction.
  void wake(const SubjectId& subject, Time when);
  // Ends every wait of it and of its deployments, where somebody asked, and makes it due. What failed stays counted, as
  // the next failure is one of the same row.
  void skip_wait(const SubjectId& subject, Time now);
  void wake_all(std::string_view kind, Time when);
  // Nothing is due before `look_again` (nullopt: until it is woken). In the transaction of the decision that says so, so
  // that no wake-up is lost between the two.
  void rest(const SubjectId& subject, std::optional<Time> look_again);
  void forget(const SubjectId& subject);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
