#![no_main]

skops_rs_fuzz::target!(audit, fuzz::mutate::file);
