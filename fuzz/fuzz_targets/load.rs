#![no_main]

skops_rs_fuzz::target!(load, fuzz::mutate::file);
