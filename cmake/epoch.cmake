# What is written down as the time of a build: SOURCE_DATE_EPOCH, else the commit's, for this process and its
# children, so that archives and lists are the same whenever they are made.
function(harness_epoch source)
  if(DEFINED ENV{SOURCE_DATE_EPOCH})
    return()
  endif()
  execute_process(COMMAND git -C "${source}" log -1 --format=%ct
    OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(epoch 315532800) # 1980, the first year that every archive can tell
  endif()
  set(ENV{SOURCE_DATE_EPOCH} ${epoch})
endfunction()
